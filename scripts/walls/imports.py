"""Which target may import which module. An import that is not in these tables needs a reason in docs/ARCHITECTURE.md first."""

import pathlib
import re

CORE = "SimpleAICore"
# Child processes, descriptors and files: imports no gateway code, so that the acceptance suite may use it, too.
SYSTEM_CALLS = "OperatingSystem"
# The certificate authorities that outgoing connections trust.
TRUST = "OutgoingTLS"
# The translation of the network libraries' errors; the acceptance suite has its own.
ERRORS = "NetworkErrors"
# Without TokenProviders: only `simpleai token` requests tokens; no code that `serve` runs does.
L1 = {"Scheduling", "Authentication", "WakeOnLAN", "Relay", "RunnerProtocol", "WebSocketTransport", "Settings",
      "Storage"}
# The gateway's planes: each may import L1, none another plane. Only the root and tests see more than one.
PLANES = {"DataPlane", "ControlPlane", "FleetControl"}
CODINGS = "ContentCodings"
# What each API of callers looks like, as pure rules: bytes in, bytes out; no network library, no clock.
DIALECTS = "Dialects"

NIO = {"NIO", "NIOCore", "NIOPosix", "NIOHTTP1", "NIOConcurrencyHelpers", "NIOFoundationCompat", "NIOTLS"}
NIO_TLS = {"NIOSSL"}
NIO_SERVER = {"NIOHTTP2", "NIOHPACK", "NIOExtras", "NIOWebSocket", "NIOHTTPTypes", "NIOHTTPTypesHTTP1",
              "NIOHTTPTypesHTTP2", "HTTPTypes"}
HUMMINGBIRD = {"Hummingbird", "HummingbirdCore", "HummingbirdTLS", "HummingbirdHTTP2", "HummingbirdWebSocket"}
CRYPTO = {"Crypto", "CryptoExtras"}
QUEUES = {"Collections", "DequeModule", "OrderedCollections", "HeapModule"}
FETCH = {"AsyncHTTPClient"}
LOG = {"Logging"}
LIFECYCLE = {"ServiceLifecycle", "UnixSignals"}

# Modules of the toolchain and the operating system.
SYSTEM = {"Swift", "Synchronization", "Foundation", "FoundationEssentials", "Dispatch", "Glibc", "Musl", "Darwin",
          "Android"}
PURE = {"Swift", "Synchronization"}

# target: (our targets, third-party modules, modules of the system)
TARGETS = {
    CORE: (set(), set(), PURE),
    "CSystemCalls": (set(), set(), set()),
    # Linked into the program, imported by no target.
    "CEmptyICUData": (set(), set(), set()),
    "CBuildVersion": (set(), set(), set()),
    SYSTEM_CALLS: ({"CSystemCalls"}, set(), SYSTEM),
    TRUST: (set(), NIO_TLS, SYSTEM),
    ERRORS: ({SYSTEM_CALLS}, FETCH | NIO | NIO_TLS, SYSTEM),

    "Scheduling": ({CORE}, QUEUES, SYSTEM),
    "Authentication": ({CORE, TRUST, ERRORS},
                       CRYPTO | FETCH | LOG | NIO_TLS | {"NIOCore", "NIOHTTP1", "NIOFoundationCompat", "SwiftASN1"},
                       SYSTEM),
    # Only digests, of CRYPTO.
    "TokenProviders": ({CORE, TRUST, ERRORS}, {"Crypto"} | FETCH | {"NIOCore", "NIOHTTP1"}, SYSTEM),
    "WakeOnLAN": ({CORE, SYSTEM_CALLS, TRUST, ERRORS}, NIO | NIO_TLS | LOG, SYSTEM),
    "Relay": ({CORE, DIALECTS, SYSTEM_CALLS, ERRORS, CODINGS}, NIO | NIO_TLS | LOG, SYSTEM),
    # zlib, as the system has it: a module map and nothing else.
    "CZlib": (set(), set(), set()),
    CODINGS: ({"CZlib"}, set(), PURE),
    "RunnerProtocol": ({CORE}, set(), SYSTEM),
    DIALECTS: ({CORE}, set(), PURE),
    "WebSocketTransport": ({CORE, TRUST, ERRORS}, NIO | NIO_TLS | NIO_SERVER | LOG, SYSTEM),
    "Settings": ({CORE, SYSTEM_CALLS}, {"Yams"}, SYSTEM),
    # Only digests, of CRYPTO. Files, for revocations that the database cannot store.
    "Storage": ({CORE, SYSTEM_CALLS}, {"GRDB", "Crypto"} | LOG, SYSTEM),

    # Proposals, findings and archives as values: no sockets, no files, no clock.
    "Installation": ({CORE, "Settings"}, set(), SYSTEM),

    "DataPlane": ({CORE, DIALECTS, SYSTEM_CALLS, CODINGS, ERRORS, "Scheduling", "Relay", "Settings"},
                  NIO | NIO_TLS | LOG | {"NIOHTTP2", "NIOHPACK"}, SYSTEM),
    "ControlPlane": ({CORE, DIALECTS, CODINGS, ERRORS, "Scheduling", "Relay", "Settings", "Storage"},
                     HUMMINGBIRD | LOG | {"NIOCore", "NIOPosix", "HTTPTypes"}, SYSTEM),
    "FleetControl": ({CORE, SYSTEM_CALLS, TRUST, ERRORS, "Scheduling", "Relay", "Settings", "RunnerProtocol", "Storage",
                      "WebSocketTransport"}, NIO | NIO_TLS | LOG | LIFECYCLE, SYSTEM),
    # The composition root: builds the planes from settings, and joins two of them in one pipeline.
    "Gateway": ({CORE, SYSTEM_CALLS, TRUST, ERRORS} | PLANES | L1,
                HUMMINGBIRD | NIO | NIO_TLS | LOG | LIFECYCLE | {"NIOHTTPTypes", "NIOHTTPTypesHTTP1"}, SYSTEM),
    "RunnerAgent": ({CORE, DIALECTS, SYSTEM_CALLS, TRUST, ERRORS, CODINGS} | L1,
                    HUMMINGBIRD | FETCH | NIO | NIO_TLS | NIO_SERVER | LOG | LIFECYCLE, SYSTEM),
    "Acceptance": ({SYSTEM_CALLS}, NIO | NIO_TLS, SYSTEM),
    "LocalFleet": ({CORE, SYSTEM_CALLS, ERRORS, "Gateway", "RunnerAgent"} | L1,
                   HUMMINGBIRD | CRYPTO | NIO | NIO_SERVER | LOG | LIFECYCLE, SYSTEM),

    "simpleai": ({CORE, SYSTEM_CALLS, ERRORS, "CBuildVersion", "Installation", "Gateway", "RunnerAgent", "Acceptance", "LocalFleet", "TokenProviders"} | L1,
                 {"ArgumentParser"} | LOG | LIFECYCLE, SYSTEM),
    # A stand-in deployment with one defect, and its command line. Only `mutants` and tests import it: it is never
    # linked into `simpleai`, and imports no other target.
    "StandIn": (set(), CRYPTO | NIO | NIO_TLS, SYSTEM),
    "mutants": ({"StandIn"}, {"ArgumentParser"}, SYSTEM),
}

# Our targets that the tests of a target may import in addition to the target's own imports.
EXTRA_TEST_IMPORTS = {
    "Acceptance": {"StandIn"}, "Gateway": {"RunnerProtocol"}, "TokenProviders": {"StandIn"}, "WebSocketTransport": {"StandIn"},
}

# Folders of Tests that belong to no single target: (our targets, further modules).
TEST_TARGETS = {
    # Only tests import it.
    "TestSupport": ({CORE, "CZlib"}, set()),
    # StandIn for its certificates; CRYPTO, because forging tokens needs the same primitives as signing them.
    "IntegrationTests": (set(TARGETS) - {"simpleai", "mutants", "Acceptance"},
                         CRYPTO | NIO | NIO_TLS | NIO_SERVER | LOG | LIFECYCLE),
    # Beside the built binary: the log handlers of the program, whose lines the gateway's own have to equal.
    "EndToEndTests": ({"StandIn", "simpleai", "DataPlane", "Installation", "OperatingSystem", "SimpleAICore"}, set()),
}
# What all tests may import in addition: testing tools, and sockets.
ALL_TESTS = {"Testing", "TestSupport"} | SYSTEM | NIO | NIO_TLS | LOG | {"NIOEmbedded", "NIOTestUtils", "InMemoryLogging"}

# Module names that the system owns: a target of that name would shadow it.
RESERVED_TARGETS = {"Dispatch"}


def check(path, source):
    """Violations in one Swift file's imports, as `(line, message)`."""
    parts = pathlib.PurePosixPath(path).parts
    if path == "Package.swift":
        yield from _check_manifest(source)
        return
    if len(parts) < 3 or parts[0] not in ("Sources", "Tests"):
        return
    allowed = _allowed(parts[0], parts[1])
    for line, module, before in source.imports():
        if "@_exported" in before:
            yield line, f"re-exports {module}; name it in each file that uses it"
        if "@testable" in before and parts[0] == "Sources":
            yield line, f"@testable import of {module} outside tests; make what is needed visible"
        if module == "XCTest":
            yield line, "imports XCTest; new tests are written with Swift Testing (import Testing)"
        elif allowed is not None and module not in allowed:
            yield line, _refusal(parts[1], module)


def check_folders(root, folder):
    """Every target must be in the tables, so that a new one cannot slip past them."""
    base = root / folder
    for child in sorted(base.iterdir()) if base.is_dir() else []:
        if not child.is_dir() or child.name.startswith("."):
            continue
        if child.name in RESERVED_TARGETS:
            yield f"{folder}/{child.name}:1: the module name {child.name} belongs to the system; choose another"
        elif _allowed(folder, child.name) is None:
            yield (f"{folder}/{child.name}:1: unknown target; "
                   "add it to the tables of scripts/walls/imports.py and to docs/ARCHITECTURE.md")


def _allowed(folder, target):
    """Module names that a target may import; None for a target that the tables do not know."""
    if folder == "Sources":
        if target not in TARGETS:
            return None
        ours, others, system = TARGETS[target]
        return ours | others | system
    if target in TEST_TARGETS:
        ours, others = TEST_TARGETS[target]
        return ours | others | ALL_TESTS
    tested = target.removesuffix("Tests")
    if tested == target or tested not in TARGETS:
        return None
    ours, others, _ = TARGETS[tested]
    return {tested} | ours | others | EXTRA_TEST_IMPORTS.get(tested, set()) | ALL_TESTS


def _refusal(target, module):
    if module in TARGETS:
        return (f"{target} must not import {module}; docs/ARCHITECTURE.md lists the allowed imports "
                "(pass a value, or declare a protocol in SimpleAICore/Ports)")
    homes = sorted(name for name, (_, others, _) in TARGETS.items() if module in others)
    if module in SYSTEM:
        return f"{target} must not import {module}: it is pure (standard library); move what needs it outwards"
    if homes:
        return f"{target} must not import {module}, which belongs to {', '.join(homes)}; use it behind one of these"
    return f"{target} imports {module}, which no target may; a new dependency enters scripts/walls/imports.py first"


def _check_manifest(source):
    for name in RESERVED_TARGETS:
        for match in re.finditer(rf'(?:room\(|[tT]arget\(\s*name:)\s*"{name}"', source.text):
            yield source.line_of(match.start()), f"a target named {name} shadows the system's module; choose another"
