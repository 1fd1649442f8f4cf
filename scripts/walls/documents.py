"""Links in documents have existing targets, and the files that documents name exist."""

import pathlib
import re
import urllib.parse

LINK = re.compile(r"!?\[[^\]\n]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|^\[[^\]\n]+\]:\s*(\S+)", re.MULTILINE)
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
NAMED_FILE = re.compile(r"`((?:[\w.+-]+/)+[\w.+*-]+\.(?:swift|py|md|yaml))`")
RECORD = re.compile(r"docs/decisions/\d{4}-[a-z0-9-]+\.md$")


def check(root, path, text):
    """Violations in one Markdown file, as `(line, message)`."""
    text = FENCE.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)
    for match in LINK.finditer(text):
        target = match.group(1) or match.group(2)
        if not re.match(r"[a-z][a-z0-9+.-]*:|//", target) and (problem := _broken(root, path, text, target)):
            yield text.count("\n", 0, match.start()) + 1, problem
    if path == "docs/ARCHITECTURE.md":
        for match in NAMED_FILE.finditer(text):
            name = match.group(1)
            if not any(base.glob(name) and next(base.glob(name), None) for base in (root, root / "Sources")):
                yield text.count("\n", 0, match.start()) + 1, f"names `{name}`, which does not exist; update the path"
    if path.startswith("docs/decisions/") and not path.endswith("README.md") and not RECORD.match(path):
        yield 1, "a decision is called NNNN-title.md; rename it"


def _broken(root, path, text, target):
    location, _, anchor = urllib.parse.unquote(target).partition("#")
    file = root / pathlib.PurePosixPath(path).parent / location if location else root / path
    if location.startswith("/"):
        return f"link to {target} starts at the root of the disk; make it relative"
    if not file.exists():
        return f"link to {target}, which does not exist; fix the link or add the file"
    if anchor and file.suffix == ".md":
        other = FENCE.sub("", file.read_text(encoding="utf-8")) if location else text
        if anchor not in {_slug(heading) for heading in re.findall(r"^#+ +(.+?)\s*#*$", other, re.MULTILINE)}:
            return f"link to {target}: no heading there has that name; fix the link"
    return None


def _slug(heading):
    """The anchor that code hosting sites generate for a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
