// swift-tools-version: 6.2
import PackageDescription

// One package, one executable, few targets. A target exists for a wall (a third-party import that it alone may have,
// or purity); docs/ARCHITECTURE.md draws the arrows and scripts/check-walls enforces them.

/// Warnings are errors where it counts (`make lint`, CI); not for people who build with a newer compiler than ours.
let strict = Context.environment["SIMPLEAI_STRICT"] == "1"

let settings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ] + (strict ? [.treatAllWarnings(as: .error)] : [])

func nio(_ names: String...) -> [Target.Dependency] {
    names.map { .product(name: $0, package: "swift-nio") }
}

let crypto: [Target.Dependency] = [
    .product(name: "Crypto", package: "swift-crypto"),
    .product(name: "CryptoExtras", package: "swift-crypto"),
]
let hummingbird: [Target.Dependency] = [
    .product(name: "Hummingbird", package: "hummingbird"),
    .product(name: "HummingbirdCore", package: "hummingbird"),
]
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let asyncHTTPClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let http2: [Target.Dependency] = [
    .product(name: "NIOHTTP2", package: "swift-nio-http2"), .product(name: "NIOHPACK", package: "swift-nio-http2"),
]
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")

func room(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource]? = nil) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

func tests(of name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.target(name: name), "TestSupport"] + dependencies,
        swiftSettings: settings)
}

let package = Package(
    name: "simpleai",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "simpleai", targets: ["simpleai"])
    ],
    dependencies: [
        // The control plane: router, server loop, graceful shutdown of connections.
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
        // Sockets: the data plane, the pooled upstream, UDP magic packets, the acceptance suite's measuring client.
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        // TLS for clients, towards runners, web hooks and deployments under test.
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        // HTTP/2 for clients.
        .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.46.0"),
        // The heads of the control plane's requests and responses.
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        // HTTP1ToHTTPServerCodec: the border between our handler and Hummingbird's.
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
        // Fetching discovery documents, key sets and, for `simpleai token`, tokens.
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        // RSA, ECDSA and digests for token verification, for the local issuer and for the names of kept tokens.
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        // The public key of a certificate in a key set, by a reader that throws on what it cannot read.
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.4"),
        // Subcommands, options, help and completions.
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        // Structured logs.
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        // One ServiceGroup: ordered start, signals, graceful shutdown.
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        // The settings file, with a line number for every value.
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
        // API keys in SQLite: migrations, one writer.
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        // Deques for queues that are bounded and first in, first out.
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
    ],
    targets: [
        // L0: vocabulary and pure rules; standard library only.
        room("SimpleAICore"),
        // L0: requests, responses and streams of every API that callers use; pure.
        room("Dialects", ["SimpleAICore"]),
        // L0: child processes, descriptors and files, by system calls that report what has run out instead of trapping.
        .target(name: "CSystemCalls"),
        room("OperatingSystem", ["CSystemCalls"]),

        // L0, too: whom outgoing connections trust.
        room("OutgoingTLS", [nioSSL]),
        // L0, too: the operator's words for the errors of the network libraries.
        room("NetworkErrors", ["OperatingSystem", asyncHTTPClient, nioSSL] + nio("NIOCore", "NIOPosix", "NIOHTTP1")),

        // L0, too: gzip and deflate.
        .systemLibrary(name: "CZlib"),
        room("ContentCodings", ["CZlib"]),

        // L1: one wall each; they never import each other.
        room("Scheduling", ["SimpleAICore", .product(name: "DequeModule", package: "swift-collections")]),
        room(
            "Authentication",
            [
                "SimpleAICore", "OutgoingTLS", "NetworkErrors", logging, asyncHTTPClient, nioSSL,
                .product(name: "SwiftASN1", package: "swift-asn1"),
            ] + crypto + nio("NIOCore", "NIOHTTP1")),
        room(
            "TokenProviders",
            ["OutgoingTLS", "NetworkErrors", asyncHTTPClient, .product(name: "Crypto", package: "swift-crypto")]
                + nio("NIOCore", "NIOHTTP1")),
        room(
            "WakeOnLAN",
            ["SimpleAICore", "OperatingSystem", "OutgoingTLS", "NetworkErrors", nioSSL]
                + nio("NIOCore", "NIOPosix", "NIOHTTP1")),
        room(
            "Relay",
            ["SimpleAICore", "Dialects", "OperatingSystem", "NetworkErrors", "ContentCodings", logging, nioSSL]
                + nio("NIOCore", "NIOPosix", "NIOHTTP1")),
        room("RunnerProtocol", ["SimpleAICore"]),
        room(
            "WebSocketTransport",
            ["SimpleAICore", "OutgoingTLS", "NetworkErrors", nioSSL]
                + nio("NIOCore", "NIOPosix", "NIOHTTP1", "NIOWebSocket")),
        room("Settings", ["SimpleAICore", "OperatingSystem", .product(name: "Yams", package: "Yams")]),

        // What outlives the process: API keys in SQLite.
        room(
            "Storage",
            [
                "SimpleAICore", "OperatingSystem", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Crypto", package: "swift-crypto"),
            ]),

        // What is right and wrong about an installation, as values: proposals of `setup`, findings of `doctor`, archives of
        // `backup`. No sockets and no files.
        room("Installation", ["SimpleAICore", "Settings"]),

        // L2: the gateway's three planes, which never import each other, and the root that builds them from settings.
        room(
            "DataPlane",
            [
                "SimpleAICore", "Dialects", "Scheduling", "Relay", "Settings", "OperatingSystem", "ContentCodings",
                logging, nioSSL,
            ] + http2 + nio("NIOCore", "NIOHTTP1", "NIOTLS")),
        room(
            "ControlPlane",
            [
                "SimpleAICore", "Dialects", "Scheduling", "Relay", "Settings", "Storage", "ContentCodings",
                "NetworkErrors",
                logging, httpTypes,
            ] + hummingbird + nio("NIOCore", "NIOPosix")),
        room(
            "FleetControl",
            [
                "SimpleAICore", "Scheduling", "Relay", "Settings", "RunnerProtocol", "WebSocketTransport", "Storage",
                "OperatingSystem", "OutgoingTLS", "NetworkErrors", logging, lifecycle, nioSSL,
            ] + nio("NIOCore", "NIOPosix", "NIOHTTP1")),
        room(
            "Gateway",
            [
                "DataPlane", "ControlPlane", "FleetControl", "SimpleAICore", "Scheduling", "Authentication", "Storage",
                "WakeOnLAN", "Relay", "Settings", "OperatingSystem", "OutgoingTLS", "NetworkErrors", logging, lifecycle,
                nioSSL, .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
            ] + hummingbird + nio("NIOCore", "NIOPosix", "NIOHTTP1")),
        room(
            "RunnerAgent",
            [
                "SimpleAICore", "Dialects", "Relay", "RunnerProtocol", "WebSocketTransport", "Settings",
                "OperatingSystem", "ContentCodings", "OutgoingTLS", "NetworkErrors", nioSSL,
                logging, lifecycle, asyncHTTPClient, .product(name: "NIOExtras", package: "swift-nio-extras"),
            ] + nio("NIOCore", "NIOPosix", "NIOHTTP1", "NIOFoundationCompat")),
        room("Acceptance", ["OperatingSystem", nioSSL] + nio("NIOCore", "NIOPosix", "NIOHTTP1", "NIOTLS")),
        room(
            "LocalFleet",
            [
                "SimpleAICore", "Gateway", "RunnerAgent", "Settings", "WakeOnLAN", "OperatingSystem", "NetworkErrors",
                logging, lifecycle, httpTypes,
            ]
                + crypto + hummingbird
                + nio("NIOCore", "NIOPosix", "NIOHTTP1")),

        // L3: subcommands and wiring only.
        // In the place of the 34 MB of locale data that full Foundation carries.
        .target(name: "CEmptyICUData"),
        // The version, in bytes that a release overwrites after the build.
        .target(name: "CBuildVersion"),
        .executableTarget(
            name: "simpleai",
            dependencies: [
                "CEmptyICUData", "CBuildVersion", "SimpleAICore", "OperatingSystem", "NetworkErrors", "Settings",
                "Storage", "TokenProviders", "WakeOnLAN", "Installation", "Gateway", "RunnerAgent", "Acceptance",
                "LocalFleet", logging, lifecycle,
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings),

        // A deployment that breaks one promise at a time, to prove that the suite can fail; no product has it.
        room("StandIn", [nioSSL, crypto[0]] + nio("NIOCore", "NIOPosix", "NIOHTTP1")),
        .executableTarget(
            name: "mutants",
            dependencies: ["StandIn", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: settings),

        // What the tests of several targets need.
        .target(
            name: "TestSupport",
            dependencies: ["SimpleAICore", "CZlib", logging, nioSSL] + nio("NIOCore", "NIOPosix", "NIOHTTP1"),
            path: "Tests/TestSupport", swiftSettings: settings),

        tests(of: "SimpleAICore"),
        tests(of: "OperatingSystem"),
        tests(
            of: "NetworkErrors",
            ["OperatingSystem", asyncHTTPClient, nioSSL] + nio("NIOCore", "NIOPosix", "NIOHTTP1")),
        tests(of: "Scheduling", ["SimpleAICore"]),
        tests(of: "Authentication", ["SimpleAICore", logging] + crypto + nio("NIOCore", "NIOPosix", "NIOHTTP1")),
        tests(of: "TokenProviders", ["StandIn", nioSSL] + nio("NIOCore", "NIOPosix", "NIOHTTP1")),
        tests(
            of: "WakeOnLAN",
            ["SimpleAICore", "OperatingSystem"] + nio("NIOCore", "NIOPosix", "NIOHTTP1", "NIOEmbedded")),
        tests(
            of: "Relay",
            ["SimpleAICore", "Dialects", "OperatingSystem", logging]
                + nio("NIOCore", "NIOPosix", "NIOHTTP1", "NIOEmbedded")),
        tests(of: "ContentCodings"),
        tests(of: "RunnerProtocol", ["SimpleAICore"]),
        .testTarget(
            name: "DialectsTests", dependencies: ["Dialects", "SimpleAICore", "TestSupport"],
            exclude: ["Anthropic/Pairs", "Ollama/pairs.json"], swiftSettings: settings),
        tests(
            of: "WebSocketTransport",
            ["SimpleAICore", "StandIn", nioSSL]
                + nio("NIOCore", "NIOPosix", "NIOHTTP1", "NIOWebSocket", "NIOEmbedded")),
        tests(of: "Settings", ["SimpleAICore", .product(name: "Yams", package: "Yams")]),
        tests(of: "Installation", ["SimpleAICore", "Settings"]),
        tests(of: "Storage", ["SimpleAICore", .product(name: "GRDB", package: "GRDB.swift")]),
        tests(
            of: "DataPlane",
            ["SimpleAICore", "Dialects", "Settings", "Scheduling", "Relay", logging] + http2
                + nio("NIOCore", "NIOPosix", "NIOHTTP1", "NIOEmbedded")),
        tests(
            of: "ControlPlane",
            ["SimpleAICore", "Dialects", "Scheduling", "Relay", httpTypes] + hummingbird
                + nio("NIOCore", "NIOHTTP1")),
        tests(
            of: "FleetControl",
            [
                "Storage", "SimpleAICore", "OperatingSystem", "Settings", "Scheduling", "Relay", "RunnerProtocol",
                logging,
            ]
                + nio("NIOCore", "NIOPosix", "NIOHTTP1", "NIOEmbedded")),
        tests(
            of: "Gateway",
            [
                "SimpleAICore", "Settings", "Scheduling", "Authentication", "DataPlane", "FleetControl", "Relay",
                "WakeOnLAN", logging,
            ] + nio("NIOCore", "NIOPosix", "NIOHTTP1", "NIOEmbedded")),
        tests(
            of: "RunnerAgent",
            ["SimpleAICore", "Relay", "RunnerProtocol", "Settings", logging]
                + nio("NIOCore", "NIOPosix", "NIOHTTP1", "NIOEmbedded")),
        tests(of: "Acceptance", ["StandIn"] + nio("NIOCore", "NIOPosix", "NIOHTTP1", "NIOEmbedded")),
        tests(
            of: "LocalFleet",
            ["SimpleAICore", "Settings", "WakeOnLAN", logging, lifecycle] + crypto
                + nio("NIOCore", "NIOPosix", "NIOHTTP1")),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "LocalFleet", "Gateway", "RunnerAgent", "Relay", "Scheduling", "Settings", "RunnerProtocol", "Dialects",
                "WebSocketTransport", "SimpleAICore", "OutgoingTLS", "StandIn", "DataPlane", "ControlPlane",
                "FleetControl", "TestSupport", logging, lifecycle, nioSSL,
            ] + crypto + http2 + nio("NIOCore", "NIOPosix", "NIOHTTP1", "NIOTLS"),
            swiftSettings: settings),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "simpleai", "mutants", "StandIn", "DataPlane", "Installation", "OperatingSystem", "SimpleAICore",
                logging,
            ] + nio("NIOCore"),
            exclude: ["clients", "deployments"],
            swiftSettings: settings),
    ]
)

// `make fuzz` and `make benchmarks` build these in this package's build folder, so that what they share with the product
// is built once; no other build knows them.
if Context.environment["SIMPLEAI_TOOLS"] == "1" {
    let toolSettings: [SwiftSetting] = [
        .swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ]
    package.targets += [
        // Random and mutated input for every parser of unauthenticated input; docs/guides/fuzzing.md has the details.
        .target(
            name: "FuzzTargets",
            dependencies: [
                "SimpleAICore", "Authentication", "Relay", "Settings", "DataPlane", "FleetControl", "RunnerProtocol",
                "WebSocketTransport",
            ]
                + nio("NIOCore", "NIOHTTP1", "NIOEmbedded"),
            path: "Fuzz/Sources/FuzzTargets", swiftSettings: toolSettings),
        .executableTarget(
            name: "fuzz", dependencies: ["FuzzTargets"], path: "Fuzz/Sources/fuzz", swiftSettings: toolSettings),
        // In-process benchmarks, held to ratios between them.
        .executableTarget(
            name: "benchmarks",
            dependencies: ["SimpleAICore", "Scheduling", "Relay", "Authentication", crypto[0], logging]
                + nio("NIOCore"),
            path: "Benchmarks/Sources/benchmarks", swiftSettings: toolSettings),
    ]
}
