"""Names from outside are compared byte by byte: a table of such names must not be keyed by a plain String.

Swift's strings are equal, and hash alike, when they are canonically equivalent: U+212A KELVIN SIGN and `K`. A table whose
keys come from callers, tokens, engines, agents or files is keyed by a `Name` (`ExactString` if no better type exists).
"""

# Folders whose strings come from outside. In the command line, the suite and the local fleet one user chooses all
# names; these targets display strings of a gateway, and base no decision on them.
FOLDERS = {"SimpleAICore", "Authentication", "Scheduling", "Relay", "RunnerProtocol", "RunnerAgent", "Gateway",
           "DataPlane", "ControlPlane", "FleetControl", "Settings", "Storage", "WakeOnLAN", "WebSocketTransport", "Installation"}

FIX = "use a Name, or ExactString (SimpleAICore/Names)"
CONSTRUCTS = [
    (r"\[\s*String\s*:", "a table keyed by String merges canonically equivalent strings", FIX),
    (r"\bDictionary\s*<\s*String\b", "a table keyed by String merges canonically equivalent strings", FIX),
    (r"\bSet\s*<\s*String\s*>", "a set of String merges canonically equivalent strings", FIX),
    (r"\bMutex\s*<\s*\[\s*String\s*:", "a table keyed by String merges canonically equivalent strings", FIX),
    (r"\.rawValue\s*(?:==|!=)|(?:==|!=)\s*[\w.?!]+\.rawValue\b", "names are compared as strings",
     "compare the names themselves, or use isExactly"),
    (r"\.(?:subject|issuer|keyID|model|runnerID)\.rawValue\s*<", "names are ordered as strings", "order the names"),
]

# (path, reason why its strings may be keys): the complete list of exceptions.
EXCUSED = [
    ("Sources/Settings/SettingsFile.swift", "names of environment variables: the operating system's"),
    ("Sources/Settings/SettingsEnvironment.swift", "names of environment variables: the operating system's"),
    ("Sources/Settings/Runner/RunnerSettingsFile.swift", "names of environment variables: the operating system's"),
    ("Sources/Settings/Tokens/TokenProviderFile.swift", "names of environment variables: the operating system's"),
    ("Sources/Settings/Tokens/TokenProviderSettings.swift", "a person's own file, in which only its owner chooses names"),
    ("Sources/Settings/Tokens/TokenProviderSettings+Reading.swift",
     "a person's own file, in which only its owner chooses names"),
    ("Sources/WakeOnLAN/WakeCommand.swift", "names of environment variables: the operating system's"),
    ("Sources/RunnerProtocol/KeyedDecodingContainer+Details.swift", "Foundation's tables; MessageCodec reads them exactly"),
    ("Sources/ControlPlane/Administration/SecurityHeadersMiddleware.swift", "fields of our own"),
    ("Sources/SimpleAICore/Metrics/ExpositionPage.swift", "class names, which are ASCII"),
    ("Sources/DataPlane/Operations/CallMetrics.swift", "class names, which are ASCII"),
    ("Sources/FleetControl/Memory/StateFile.swift", "a file of our own; Foundation's tables have such keys anyway"),
]


def check(path, source):
    """Violations of one Swift file, as `(line, message)`."""
    parts = path.split("/")
    if parts[0] != "Sources" or len(parts) < 3 or parts[1] not in FOLDERS or any(path == name for name, _ in EXCUSED):
        return
    lines = set()
    for pattern, what, fix in CONSTRUCTS:
        for line, _ in source.matches(pattern):
            if line not in lines:
                lines.add(line)
                yield line, f"{what}; {fix}"
