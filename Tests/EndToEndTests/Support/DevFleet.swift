import Foundation
import Testing

/// A `simpleai dev` that all tests of a suite share: `@Suite(.devFleet())`.
struct DevFleet: Sendable {
    let url: String
    let tokens: [String: String]
    /// The environment in which `simpleai token` finds this fleet's file.
    let environment: [String: String]

    @TaskLocal fileprivate static var running: DevFleet?

    static func current() throws -> DevFleet { try #require(running, "the suite has no .devFleet()") }

    func token(_ role: String = "basic") throws -> String { try #require(tokens[role]) }
}

struct DevFleetTrait: SuiteTrait, TestScoping {
    let arguments: [String]

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            // Not where the developer's own fleet may have written its file.
            let environment = ["XDG_RUNTIME_DIR": folder.path]
            let dev = Program(Repository.binary, ["dev", "--json"] + arguments, environment: environment)
            try await RunningProcess.run(dev) { process in
                let ready = try await process.ready()
                let fleet = DevFleet(url: ready.url, tokens: ready.tokens ?? [:], environment: environment)
                try await DevFleet.$running.withValue(fleet) { try await function() }
            }
        }
    }
}

extension Trait where Self == DevFleetTrait {
    /// - Parameter arguments: additional arguments of `simpleai dev`.
    static func devFleet(_ arguments: String...) -> Self { DevFleetTrait(arguments: arguments) }
}

/// Writes a program of the operator's for one test.
@discardableResult
func writeScript(_ name: String, in folder: URL, _ text: String) throws -> URL {
    let file = folder.appendingPathComponent(name)
    try Data("#!/bin/sh\n\(text)\n".utf8).write(to: file)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
    return file
}
