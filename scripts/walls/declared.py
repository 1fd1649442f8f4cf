"""Documents list exactly the metrics and log keys that the sources declare; guides and decision records have their
common structure."""

import functools
import re

METRICS_GUIDE, METRICS_SOURCES = "docs/guides/metrics.md", "Sources"
LOGGING = "docs/LOGGING.md"
DECLARED = re.compile(r"\bpage\s*\.\s*(?:metric|histograms)\s*\(\s*\"(simpleai_\w+)\"")
NAMED = re.compile(r"`(simpleai_\w+?)(?:\{[^}`]*\})?`")
SERIES = re.compile(r"_(?:bucket|sum|count)$")
LOG_KEY = re.compile(r"static let \w+ = \"(\w+)\"")
NUMERIC_KEYS_SOURCE = "Sources/simpleai/JSONLogHandler.swift"
NUMERIC_KEYS = re.compile(r"numericKeys: Set<ExactString> = \[(.*?)\]", re.DOTALL)
LOG_MESSAGE = re.compile(r"\b(?:message|writes) `([A-Z][^`\n]*)`")
MEASURE = re.compile(r"(?:_ms|_tokens|_per_second|^count|^bytes|^attempt|^limit|^status)$")
GUIDE = re.compile(r"docs/guides/[\w-]+\.md$")
RECORD = re.compile(r"docs/decisions/\d{4}-[a-z0-9-]+\.md$")
PARTS, PAGE = ["Context", "Decision", "Consequences"], 60
# A message as programs print it: a sentence in code. Variable parts are written as an ellipsis, a number or a quoted
# name.
MESSAGE = re.compile(r"`([A-Z][^`\n]* [^`\n]*[.…])`")
VARYING = re.compile(r"…|\b\d+\w*|\"[^\"]*\"")
INTERPOLATION = re.compile(r"\\\((?:[^()]|\([^()]*\))*\)")
# Documents that name declarations in code, as `TypeName`, `SuiteTests.testName` or `aTestOfThreeWords`.
NAMING = re.compile(r"(?:docs/(?:ARCHITECTURE|THREAT-MODEL|LOGGING)|docs/decisions/\d{4}-[a-z0-9-]+|CONTRIBUTING)\.md$")
NAME = re.compile(r"`((?:[A-Z][a-zA-Z0-9]*[a-z0-9][A-Z]\w*(?:\.\w+)?)|[a-z]+(?:[A-Z][a-z0-9]*){2,})`")
DECLARATION = re.compile(
    r"\b(?:struct|class|enum|actor|protocol|extension|typealias|func|var|let|case)\s+`?([\w.]+)")
# Declared elsewhere: the standard library, packages, and an example in CONTRIBUTING.
FOREIGN = {
    "ServiceGroup", "withUnsafeTransportIfAvailable",
    # swift-subprocess and swift-nio-http2, as decision records examined them.
    "waitForProcessTermination", "NIOHTTP2ServerConnectionManagementHandler", "handlePingAck", "maxIdleTime",
}
HEADINGS = ["Goal", "Steps", "Troubleshooting", "Reference"]


def check(root, path, text):
    """Violations in one Markdown file, as `(line, message)`."""
    if path == METRICS_GUIDE:
        yield from _metrics(root, text)
    if path == LOGGING:
        yield from _log_keys(root, text)
    if GUIDE.match(path):
        found = re.findall(r"^## (.+?)\s*$", text, re.MULTILINE)
        places = [found.index(heading) for heading in HEADINGS if heading in found]
        if len(places) < len(HEADINGS) or places != sorted(places):
            yield 1, f"a guide has the headings {', '.join(HEADINGS)}, in this order; add what is missing"
        yield from _messages(root, text)
    if NAMING.match(path):
        yield from _names(root, text)
    if RECORD.match(path):
        places = [text.find(f"**{part}.**") for part in PARTS]
        if -1 in places or places != sorted(places):
            yield 1, f"a decision record has the parts {', '.join(PARTS)}, in this order; add what is missing"
        if text.count("\n") > PAGE:
            yield PAGE, f"a decision record is one page of {PAGE} lines; move figures to docs/MEASUREMENTS.md"


def _messages(root, text):
    for match in MESSAGE.finditer(text):
        pieces = [piece.strip() for piece in VARYING.split(match.group(1))]
        if not all(piece in _sources(root) for piece in pieces if len(piece) > 3):
            yield (text.count("\n", 0, match.start()) + 1,
                   f"quotes `{match.group(1)}`, which no program prints; quote what Sources has, with … for what varies")


def _names(root, text):
    for match in NAME.finditer(text):
        name = match.group(1)
        if name.split(".")[-1] not in _declarations(root) and name not in FOREIGN:
            yield (text.count("\n", 0, match.start()) + 1,
                   f"names `{name}`, which nothing in Sources or Tests declares; write the current name")


@functools.cache
def _declarations(root):
    """The names of all declarations, and of targets."""
    found = set()
    for folder in ("Sources", "Tests"):
        found |= {path.name for path in (root / folder).glob("*")}
        for file in sorted((root / folder).rglob("*.swift")):
            for name in DECLARATION.findall(file.read_text(encoding="utf-8")):
                found |= set(name.split("."))
    return found


@functools.cache
def _sources(root):
    """The sources, normalised so that a composed message appears as it is printed."""
    text = " ".join(file.read_text(encoding="utf-8") for file in sorted((root / "Sources").rglob("*.swift")))
    text = INTERPOLATION.sub("\0", re.sub(r"\"\s*\+\s*\"", "", text)).replace('\\"', '"').replace("\\\n", "")
    return re.sub(r"\s+", " ", text)


def _metrics(root, text):
    declared = {name for file in sorted((root / METRICS_SOURCES).rglob("*.swift"))
                for name in DECLARED.findall(file.read_text(encoding="utf-8"))}
    rows = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("| `simpleai_") and (match := NAMED.match(line, 2)):
            rows.setdefault(match.group(1), number)
    for name in sorted(declared - rows.keys()):
        yield 1, f"has no row for the metric {name}, which {METRICS_SOURCES} declares; add one"
    for name in sorted(rows.keys() - declared):
        if SERIES.sub("", name) not in declared:
            yield rows[name], f"describes the metric {name}, which {METRICS_SOURCES} does not declare; remove the row"


def _log_keys(root, text):
    yield from _numeric_keys(root)
    for file in sorted((root / "Sources").glob("*/**/LogKeys.swift")):
        for key in LOG_KEY.findall(file.read_text(encoding="utf-8")):
            if f"`{key}`" not in text:
                yield 1, f"does not explain the key `{key}` of {file.relative_to(root).as_posix()}; add it"
    for match in LOG_MESSAGE.finditer(text):
        if f'"{match.group(1)}"' not in _sources(root):
            yield (text.count("\n", 0, match.start()) + 1,
                   f"quotes the message `{match.group(1)}`, which nothing logs; quote what Sources has")


def _numeric_keys(root):
    """Checks the list of the keys whose values the JSON log writes as numbers."""
    handler = root / NUMERIC_KEYS_SOURCE
    if not handler.exists():
        return
    listed = set(re.findall(r'"(\w+)"', NUMERIC_KEYS.search(handler.read_text(encoding="utf-8")).group(1)))
    sources = [file.read_text(encoding="utf-8") for file in sorted((root / "Sources").rglob("*.swift")) if file != handler]
    for key in sorted(listed):
        if not any(f'"{key}"' in source for source in sources):
            yield 1, f"`{key}` is a number in {NUMERIC_KEYS_SOURCE}, but no source logs it; remove or rename it there"
    for file in sorted((root / "Sources").glob("*/**/LogKeys.swift")):
        for key in LOG_KEY.findall(file.read_text(encoding="utf-8")):
            if MEASURE.search(key) and key not in listed:
                yield 1, f"`{key}` measures, but {NUMERIC_KEYS_SOURCE} writes it as a string; add it to the numeric keys"
