"""Banned words and constructs, and the few exceptions."""

import pathlib
import re

# `Task { … }`, `Task(priority: …) { … }`, `Task.detached { … }`; not the declaration of a type of that name.
UNSTRUCTURED_TASK = r"(?<!struct )(?<!class )(?<!enum )(?<!actor )\bTask\s*(?:\.\s*detached\s*)?(?:\([^)\n]*\)\s*)?\{"

# APIs that work only with ICU's data (Sources/CEmptyICUData).
LOCALE_DATA = r"\b(?:Locale|\w*DateFormatter|NumberFormatter|ByteCountFormatter|RelativeDateTimeFormatter)\b|\bTimeZone\s*\(\s*identifier\b"

# (where, pattern over code without comments and literals, what is wrong, how to fix it)
CONSTRUCTS = [
    ("Sources Tests", r"\btry!", "`try!` crashes on any error", "handle it, or let the function throw"),
    ("Sources", r"\bas!", "`as!` crashes on any other type", "use `as?` or `switch` and handle the other cases"),
    ("Sources", r"\bfatalError\s*\(", "`fatalError` ends every caller's call", "throw, or make the state impossible"),
    ("Sources", r"@unchecked\s+Sendable\b", "`@unchecked Sendable` silences the compiler",
     "use a value type, a Mutex or an event-loop-bound box"),
    ("Sources", r"\bnonisolated\s*\(\s*unsafe\s*\)", "`nonisolated(unsafe)` silences the compiler",
     "bind it to its event loop, or guard it"),
    ("Sources", r"\bunowned\s*\(\s*unsafe\s*\)", "`unowned(unsafe)` may become a dangling pointer",
     "use a strong or weak reference"),
    ("Sources", UNSTRUCTURED_TASK, "an unstructured task: it is never awaited or cancelled",
     "make it a child of a task group, or of a Service's run()"),
    ("Sources", LOCALE_DATA, "it needs locale data, which the binary does not carry",
     "format with `.iso8601`, store integers, and read time zones from TZif files"),
    ("Sources", r"\bURLComponents\s*\([^{}]{0,250}\.host\b", "`URLComponents.host` decodes by locale data",
     "use `encodedHost`"),
    # At SOL_SOCKET, the number of TCP_NODELAY is SO_DEBUG, which only root may set: others get EACCES.
    ("Sources Tests", r"\bsocketOption\s*\(\s*\.tcp_", "a TCP option at the level of sockets, where its number is another option",
     "use `tcpOption`"),
    ("Tests", r"\b(?:Task|Thread)\s*\.\s*sleep\b", "a test that sleeps is slow or flaky",
     "wait for the event, with a deadline"),
    ("Tests", r"(?<![\w.])u?sleep\s*\(", "a test that sleeps is slow or flaky", "wait for the event, with a deadline"),
]

# Patterns over the whole text, comments included, of every tracked text file.
TEXTS = [
    (r"\b(?:TODO|FIXME|XXX)\b", "unfinished business", "finish it, or file an issue"),
    (r"(?<![\w./~-])/(?:work|root|home/\w+|Users/\w+|opt/swift)(?=/|\b)", "a path of one machine",
     "use a relative path or a variable"),
    (r"(?i)--(?:extra-)?index-url\b|--find-links\b|\bPIP_(?:EXTRA_)?INDEX_URL\b|\bGOPROXY\b",
     "a package mirror", "use the registry's ordinary name; mirrors belong to a machine's own configuration"),
    (r"(?i)^co-authored-by:|\b(?:written|generated|created) (?:by|with) (?:an? )?(?:AI|LLM|language model)\b",
     "a remark on the authorship", "the project speaks only of itself"),
]

# Parts of names that would fit any content.
GENERIC_WORDS = {"Util", "Utils", "Utility", "Utilities", "Helper", "Helpers", "Common", "Manager", "Base", "Impl", "Info"}

# (path, what is excused there, why): the whole list of exceptions.
EXCUSED = [
    ("Sources/LocalFleet/Waiting/GracefulEnd.swift", "an unstructured task",
     "awaited in every case; a child task would be cancelled"),
    ("scripts/walls/words.py", "*", "the rules themselves"),
    ("scripts/test-check-walls", "*", "inserts what the rules forbid"),
    ("Tests/EndToEndTests/Support/Deadline.swift", "a test that sleeps", "a deadline sleeps until the awaited event cancels it"),
    ("Tests/TokenProvidersTests/Support/JumpingClock.swift", "a test that sleeps", "a clock whose sleep returns at once"),
]

TYPE = r"\b(?:struct|class|enum|actor|protocol|typealias)\s+`?(?P<name>[A-Za-z_]\w*)"


def check_text(path, text):
    """Violations that any text file can have, as `(line, message)`."""
    for pattern, what, fix in TEXTS:
        if _excused(path, what):
            continue
        for match in re.finditer(pattern, text, re.MULTILINE):
            yield text.count("\n", 0, match.start()) + 1, f"{what} (`{match.group(0).strip()}`); {fix}"


def check_swift(path, source):
    """Violations of one Swift file's code and names, as `(line, message)`."""
    found = []
    folder = path.split("/")[0]
    for where, pattern, what, fix in CONSTRUCTS:
        if folder in where.split() and not _excused(path, what):
            found += [(line, f"{what}; {fix}") for line, _ in source.matches(pattern)]
    if folder in ("Sources", "Tests"):
        found += _check_names(path, source)
    return found


def _check_names(path, source):
    for part in pathlib.PurePosixPath(path).parts[1:]:
        if generic := _generic_word(part.removesuffix(".swift")):
            yield 1, f"`{part}` has `{generic}` in its name; name its content"
    for line, match in source.matches(TYPE):
        name = match.group("name")
        if generic := _generic_word(name):
            yield line, f"type `{name}` has `{generic}` in its name; name its purpose"


def _generic_word(name):
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+", name)
    return next((word for word in words if word[:1].upper() + word[1:] in GENERIC_WORDS), None)


def _excused(path, what):
    return any(path == where and (excuse == "*" or what.startswith(excuse)) for where, excuse, _ in EXCUSED)
