"""Errors of libraries must be translated before operators read them: their own text names types, numbers and build paths."""

import re

# The translations themselves, and the acceptance suite's, which shares no code with the rest.
TRANSLATIONS = ("Sources/NetworkErrors/", "Sources/Acceptance/Client/ClientFailure+NIO.swift",
                "Sources/Acceptance/Client/ErrorText.swift", "Sources/Storage/Keys/KeyDatabase.swift")
# Targets that are not linked into `simpleai`, and a file whose errors are the project's own.
EXEMPT = ("Sources/StandIn/", "Sources/mutants/", "Sources/TokenProviders/Storage/TokenStore.swift")

RAW = re.compile(r"\\\(error\)|String\(describing: error\)|error\.localizedDescription")
DO = re.compile(r"\bdo(\s+throws\s*\([^)]*\))?\s*\{")
MESSAGE = ("prints an error of any type; give `do` a type (`do throws(X)`), or translate it "
           "(NetworkErrorText, OperatorText)")


def check(path, source):
    """Violations in one Swift file, as `(line, message)`: an error of any type, put into a text."""
    if not path.startswith("Sources/") or path.startswith(TRANSLATIONS + EXEMPT):
        return
    for match in DO.finditer(source.code):
        if match.group(1):
            continue
        end = _end_of_block(source.code, match.end() - 1)
        # `catch let error as X {` has a type; what follows it may be the one without.
        while end is not None:
            clause = re.match(r"\s*catch\b([^{]*)\{", source.code[end:])
            if not clause:
                break
            opening = end + clause.end() - 1
            closing = _end_of_block(source.code, opening)
            if closing is None:
                break
            if not clause.group(1).strip():
                for raw in RAW.finditer(source.text, opening, closing):
                    before = source.text[source.text.rfind("\n", 0, raw.start()) + 1:raw.start()]
                    if "preconditionFailure(" in before:
                        continue
                    yield source.line_of(raw.start()), MESSAGE
            end = closing


def _end_of_block(code, opening):
    depth = 0
    for position in range(opening, len(code)):
        depth += {"{": 1, "}": -1}.get(code[position], 0)
        if depth == 0:
            return position + 1
    return None
