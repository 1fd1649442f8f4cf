import Foundation
import SimpleAICore
import TestSupport
import Testing

@testable import Settings

@Suite struct SettingsEnvironmentTests {
    let environment = SettingsEnvironment(variables: ["A": "one", "EMPTY": "", "b_2": "${A}"])

    @Test(arguments: [
        ("", ""), ("plain $ and $A and {A}", "plain $ and $A and {A}"), ("${A}", "one"), ("x${A}y${A}z", "xoneyonez"),
        ("${EMPTY}", ""), ("${EMPTY:-full}", "full"), ("${NONE:-}", ""), ("${NONE:-a:-b}", "a:-b"),
        ("${A:-other}", "one"), ("${b_2}", "${A}"), ("$${A}", "$one"), ("${NONE:-http://a:1/b}", "http://a:1/b"),
    ])
    func variablesAreExpanded(_ text: String, _ expected: String) throws {
        #expect(try environment.expand(text) == expected)
    }

    @Test(arguments: ["${NONE}", "${A", "${}", "${A B}", "${1A}", "${A-x}", "${NONE:-${A}}", "${Ä}"])
    func malformedReferencesAreProblems(_ text: String) {
        #expect(throws: SettingsEnvironment.ExpansionFailure.self) { try environment.expand(text) }
    }

    @Test func anUnsetVariableIsReportedOnceWithItsPosition() {
        let text = minimal + "runners:\n  - url: http://a\n    api_key: ${GPU_KEY}\n    slots: ${SLOTS}\n"
        #expect(
            problems(text, environment: ["SLOTS": "2"]) == [
                "s.yaml:4: runners[0].api_key: variable GPU_KEY is not set; set it, or use ${GPU_KEY:-default} "
                    + "for a fallback"
            ])
    }

    @Test func requiredKeyWithAnUnsetVariableIsOneProblem() {
        #expect(problems(minimal + "runners: [{url: \"${GPU}\"}]").count == 1)
        #expect(problems("auth: {issuers: [{issuer: \"${A}\", audience: \"${B}\"}]}").count == 2)
        #expect(problems("auth: {issuers: \"${A}\"}").count == 1)
    }

    @Test func expandedValuesAreReadLikeWrittenOnes() throws {
        let read = try settings("server: {port: \"${PORT}\", drain: \"${N:-2}m\"}", environment: ["PORT": "81"])
        #expect(read.server.port == 81)
        #expect(read.server.drain == .seconds(120))
    }

    @Test func scalarsAreOverridden() throws {
        let read = try settings(
            "server: {port: 81}\nrunners: [{url: 'http://a'}, {url: 'http://b'}]",
            environment: [
                "SIMPLEAI__SERVER__PORT": "82", "SIMPLEAI__SERVER__MAX_BODY": "1MiB",
                "SIMPLEAI__ROUTING__QUEUE__LENGTH": "3", "SIMPLEAI__RUNNERS__1__SLOTS": "9",
                "SIMPLEAI__METRICS__TOKEN": "${A}", "SIMPLEAI_OTHER": "ignored",
            ])
        #expect(read.server.port == 82)
        #expect(read.server.maxBody == .mebibytes(1))
        #expect(read.routing.queueLength == 3)
        #expect(read.runners.map(\.slots) == [1, 9])
        // Variables are expanded only in the file.
        #expect(read.metrics.token == "${A}")
    }

    @Test(arguments: [
        ("SIMPLEAI__SERVER__PORT", "x", "server.port: \"x\" is not a whole number; use a whole number from 0 to 65535"),
        ("SIMPLEAI__SERVER__PROT", "1", "server.prot: is unknown; did you mean `port`?"),
        ("SIMPLEAI__SERVR__PORT", "1", "servr: is unknown; did you mean `server`?"),
        ("SIMPLEAI__", "1", "is not a settings key; use SIMPLEAI__SECTION__KEY"),
        ("SIMPLEAI__SERVER____PORT", "1", "is not a settings key; use SIMPLEAI__SECTION__KEY"),
        (
            "SIMPLEAI__SERVER", "1",
            "server: does not name a single value; the environment overrides scalars only, put lists and sections into "
                + "the file"
        ),
        (
            "SIMPLEAI__SERVER__HOST__X", "1",
            "server.host.x: does not name a single value; the environment overrides scalars only, put lists and "
                + "sections into the file"
        ),
        ("SIMPLEAI__RUNNERS", "a", "runners: must be a list; use [first, second] or one `- element` per line"),
    ])
    func problemsNameTheVariable(_ variable: String, _ value: String, _ expected: String) {
        let found = problems(minimal + "server: {host: localhost}", environment: [variable: value])
        #expect(found == ["environment variable \(variable): \(expected)"])
    }

    @Test func secretsComeFromFiles() throws {
        try inTemporaryDirectory { directory in
            let key = try directory.write("key", Data("sk-42\n".utf8))
            let password = try directory.write("password", Data("01:02:03:04:05:06".utf8))
            let text = """
                runners:
                  - url: http://a
                    api_key_file: \(key)
                    wake: { mac: "52:54:00:12:34:56", secure_on_file: \(password) }
                metrics: { token_file: \(key) }
                """
            let read = try settings(text)
            #expect(read.runners[0].apiKey == "sk-42")
            #expect(read.runners[0].wake?.secureOn == [1, 2, 3, 4, 5, 6])
            #expect(read.metrics.token == "sk-42")
        }
    }

    @Test func secretFilesWithoutASecretAreProblems() throws {
        try inTemporaryDirectory { directory in
            let empty = try directory.write("empty", Data("\n".utf8))
            let binary = try directory.write("binary", Data([0xFF]))
            let two = try directory.write("two", Data("sk-1 sk-2".utf8))
            func found(_ metrics: String) -> [String] { problems(minimal + "metrics: {\(metrics)}") }
            #expect(
                found("token_file: \(empty)") == [
                    "s.yaml:2: metrics.token_file: \"\(empty)\" is empty; write the secret into it"
                ])
            #expect(found("token_file: \(binary)").first?.contains("not UTF-8") == true)
            #expect(found("token_file: \(two)").first?.contains("invalid in headers") == true)
            #expect(found("token_file: /nowhere/x").first?.contains("does not exist") == true)
            #expect(
                found("token: a, token_file: \(two)") == [
                    "s.yaml:2: metrics.token_file: conflicts with token; keep one of them"
                ])
        }
    }

    @Test func secretsNeverAppearInMessages() {
        let text = """
            metrics: { token: "hunter two" }
            runners:
              - url: http://user:hunter@a
                api_key: "hunter two"
                wake: { mac: "52:54:00:12:34:56", secure_on: hunter }
            """
        let found = problems(minimal + text)
        #expect(found.count == 4)
        #expect(!found.contains { $0.contains("hunter") })
    }
}
