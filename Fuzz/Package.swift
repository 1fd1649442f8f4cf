// swift-tools-version: 6.2
import PackageDescription

// Random and mutated input for every parser of unauthenticated input. A package of its own, so that building SimpleAI
// does not build it; `make fuzz` runs it, and docs/guides/fuzzing.md has the details.

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "fuzz",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "simpleai", path: ".."),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
    ],
    targets: [
        .target(
            name: "FuzzTargets",
            dependencies: [
                .product(name: "SimpleAIParts", package: "simpleai"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ],
            swiftSettings: settings),
        .executableTarget(name: "fuzz", dependencies: ["FuzzTargets"], swiftSettings: settings),
    ]
)
