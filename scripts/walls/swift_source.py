"""Swift source in the form that the checks need: code without comments and literals, line by line, and its imports."""

import re

IMPORT = (
    r"(?:^|;)\s*"
    r"(?P<before>(?:(?:@\w+(?:\([^)\n]*\))?|public|package|internal|fileprivate|private|open)\s+)*)"
    r"import\s+(?:(?:typealias|struct|class|enum|protocol|actor|let|var|func)\s+)?"
    r"`?(?P<module>[A-Za-z_]\w*)`?")


class SwiftSource:
    """A source file. `code` has the text's length and line breaks, with blanks in place of comments and literals."""

    def __init__(self, text):
        self.text = text
        self.code = _blanked(text)

    def line_of(self, offset):
        return self.code.count("\n", 0, offset) + 1

    def matches(self, pattern):
        """Every match of a pattern in the code, with its line."""
        for match in re.finditer(pattern, self.code, re.MULTILINE):
            start = match.start() + len(match.group(0)) - len(match.group(0).lstrip())
            yield self.line_of(start), match

    def prose(self):
        """The text with blanks in place of the code: comments and literals, their interpolations included."""
        pieces, position = [], 0
        for match in re.finditer(r"[^ \n]+", self.code):
            pieces += [self.text[position:match.start()], " " * len(match.group(0))]
            position = match.end()
        return "".join(pieces) + self.text[position:]

    def imports(self):
        """`(line, module, text before)` of every import, whatever `#if` surrounds it."""
        for line, match in self.matches(IMPORT):
            yield line, match.group("module"), match.group("before").split()


def _blanked(text):
    out = list(text)

    def blank(start, end):
        for index in range(start, min(end, len(out))):
            if out[index] != "\n":
                out[index] = " "

    position = 0
    while position < len(text):
        end = _end_of_comment(text, position) or _end_of_literal(text, position)
        if end:
            blank(position, end)
            position = end
        else:
            position += 1
    return "".join(out)


def _end_of_comment(text, start):
    if text.startswith("//", start):
        end = text.find("\n", start)
        return len(text) if end < 0 else end
    if not text.startswith("/*", start):
        return None
    depth, position = 0, start
    while position < len(text):
        if text.startswith("/*", position):
            depth, position = depth + 1, position + 2
        elif text.startswith("*/", position):
            depth, position = depth - 1, position + 2
            if depth == 0:
                return position
        else:
            position += 1
    return len(text)


# Three quotes begin a multi-line literal only at the end of a line: `#""""#` is one quote between single ones.
LITERAL = re.compile(r'(#*)("""(?=[ \t]*\n)|")')


def _end_of_literal(text, start):
    """The end of the string that starts here, interpolations included; None if no string starts here."""
    opening = LITERAL.match(text, start)
    if not opening:
        return None
    hashes, quotes = opening.groups()
    closing, escape = quotes + hashes, "\\" + hashes
    position = opening.end()
    while position < len(text):
        if text.startswith(closing, position):
            return position + len(closing)
        if text.startswith(escape + "(", position):
            position = _end_of_interpolation(text, position + len(escape) + 1)
        elif text.startswith(escape, position):
            position += len(escape) + 1
        elif text[position] == "\n" and quotes == '"':
            return position  # unterminated: the compiler reports it
        else:
            position += 1
    return len(text)


def _end_of_interpolation(text, start):
    depth, position = 1, start
    while position < len(text) and depth:
        end = _end_of_comment(text, position) or _end_of_literal(text, position)
        if end:
            position = end
            continue
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        position += 1
    return position
