import Foundation
import NIOCore
import StandIn
import Synchronization
import Testing

/// The gateway that an operator's command talks to if its command line names none.
@Suite struct GatewayAddressTests {
    /// A folder with settings and with a token key that every command finds.
    private struct Place: Sendable {
        let folder: URL

        func simpleai(_ arguments: [String], _ environment: [String: String] = [:]) -> Program {
            let own = ["HOME": folder.path, "XDG_RUNTIME_DIR": folder.path]
            return Program(
                Repository.binary, arguments, environment: own.merging(environment) { _, given in given },
                directory: folder)
        }

        func write(_ text: String, _ name: String = "simpleai.yaml") throws {
            try text.write(to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
        }
    }

    private func inPlace(_ body: (Place) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            let place = Place(folder: folder)
            let key = try await place.simpleai(["token", "init", "--directory", folder.path + "/.simpleai"]).run()
            #expect(key.code == 0, "\(key.text)")
            try await body(place)
        }
    }

    /// A program that is no gateway; every request is recorded.
    private func engine(
        certificate: StandInCertificate? = nil, _ body: (Int, Recorded) async throws -> Void
    ) async throws {
        let recorded = Recorded()
        let server = try await StandInServer.start(certificate: certificate) { request, loop in
            recorded.add(request)
            return loop.makeSucceededFuture(
                StandInResponse(status: request.path == "/v1/models" ? 200 : 404, body: #"{"object":"list","data":[]}"#)
            )
        }
        try await body(server.port, recorded)
        try await server.stop()
    }

    private final class Recorded: Sendable {
        private let requests = Mutex<[StandInRequest]>([])
        func add(_ request: StandInRequest) { requests.withLock { $0.append(request) } }
        var all: [StandInRequest] { requests.withLock { $0 } }
    }

    private static let commands = [
        ["fleet"], ["keys"], ["keys", "create", "x"], ["keys", "revoke", "x"], ["wake", "x"], ["sleep", "x"],
        ["invite", "x"], ["invite", "x", "--revoke"], ["explain"],
    ]

    private static func settings(port: Int, more: String = "") -> String {
        "server: { host: 127.0.0.1, port: \(port) }\nauth: { mode: none }\n\(more)"
    }

    @Test func `a program that is no gateway gets no token at an address that the user has not given`() async throws {
        try await inPlace { place in
            try await engine { port, recorded in
                try place.write(Self.settings(port: port))
                for command in Self.commands {
                    for environment in [[:], ["SIMPLEAI_URL": ""], ["SIMPLEAI_TOKEN": "secret"]] {
                        let run = try await place.simpleai(command, environment).run()
                        #expect(run.code == 1, "\(command): \(run.text)")
                        #expect(run.errors.contains("is not a SimpleAI gateway"), "\(command): \(run.text)")
                        #expect(run.errors.contains("./simpleai.yaml"), "the origin of the address: \(run.text)")
                    }
                }
                #expect(!recorded.all.isEmpty)
                for request in recorded.all {
                    #expect(request.path == "/health" && request.authorization == nil, "\(request)")
                }
                // An address that the user has given.
                _ = try await place.simpleai(["fleet", "--url", "http://127.0.0.1:\(port)"]).run()
                #expect(recorded.all.contains { $0.authorization != nil })
            }
        }
    }

    @Test func `the settings of this machine state the address`() async throws {
        try await inPlace { place in
            let port = try FreePort.tcp()
            let jwks = place.folder.path + "/.simpleai/jwks.json"
            try place.write(
                """
                server: { host: 0.0.0.0, port: \(port) }
                auth:
                  issuers:
                    - { issuer: "https://tokens.simpleai.internal", audience: simpleai, algorithms: [RS256], jwks_file: "\(jwks)" }
                """)
            try await RunningProcess.run(place.simpleai(["serve", "--json"])) { process in
                _ = try await process.ready()
                for (command, output) in [
                    (["fleet", "--once"], "0 machines"), (["keys"], "No keys"), (["explain"], "class:"),
                    (["invite", "desk"], "--id desk"), (["health"], ":\(port) is healthy"),
                ] {
                    let run = try await place.simpleai(command).run()
                    #expect(run.code == 0 || command == ["explain"], "\(command): \(run.text)")
                    #expect(run.text.contains(output) || command == ["explain"], "\(command): \(run.text)")
                    #expect(!run.text.contains("refused by"), "\(run.text)")
                }
                let other = try await place.simpleai(["fleet"], ["SIMPLEAI_URL": "http://127.0.0.1:1"]).run()
                #expect(
                    other.code == 1 && other.text.contains("127.0.0.1:1"), "the environment precedes: \(other.text)")
            }
        }
    }

    @Test func `only the certificate in the settings is accepted at the settings' address`() async throws {
        try await inPlace { place in
            let (own, other) = (try StandInCertificate(.otherHost), try StandInCertificate(.otherHost))
            try place.write(own.certificate, "tls.crt")
            try place.write(own.privateKey, "tls.key")
            func settings(_ port: Int) -> String {
                """
                server: { host: 127.0.0.1, port: \(port), tls: { certificate: ./tls.crt, key: ./tls.key } }
                auth:
                  issuers:
                    - { issuer: "https://tokens.simpleai.internal", audience: simpleai, algorithms: [RS256], jwks_file: ./.simpleai/jwks.json }
                """
            }
            try place.write(settings(try FreePort.tcp()))
            try await RunningProcess.run(place.simpleai(["serve", "--json"])) { process in
                _ = try await process.ready()
                let run = try await place.simpleai(["keys"]).run()
                #expect(run.code == 0 && run.output.contains("No keys"), "\(run.text)")
            }
            try await engine(certificate: other) { port, recorded in
                try place.write(settings(port))
                for command in Self.commands {
                    let run = try await place.simpleai(command).run()
                    #expect(run.code == 1 && run.errors.contains("it is not the one in "), "\(command): \(run.text)")
                }
                #expect(recorded.all.isEmpty)
            }
        }
    }

    @Test func `doctor sends a token only to the gateway with the certificate in the settings`() async throws {
        try await inPlace { place in
            let (own, other) = (try StandInCertificate(.otherHost), try StandInCertificate(.otherHost))
            try place.write(own.certificate, "tls.crt")
            try place.write(own.privateKey, "tls.key")
            for (certificate, receivesToken) in [(own, true), (other, false)] {
                let recorded = Recorded()
                let server = try await StandInServer.start(certificate: certificate) { request, loop in
                    recorded.add(request)
                    return loop.makeSucceededFuture(
                        StandInResponse(status: 200, body: #"{"status":"ok","runners":[]}"#))
                }
                try place.write(
                    """
                    server: { host: 127.0.0.1, port: \(server.port), tls: { certificate: ./tls.crt, key: ./tls.key } }
                    auth:
                      issuers:
                        - { issuer: "https://tokens.simpleai.internal", audience: simpleai, algorithms: [RS256], jwks_file: ./.simpleai/jwks.json }
                    """)
                let run = try await place.simpleai(["doctor"], ["SIMPLEAI_TOKEN": "token-of-an-admin"]).run()
                let credentials = recorded.all.compactMap(\.authorization)
                #expect(recorded.all.contains { $0.path == "/health" }, "\(run.text)")
                #expect(credentials.isEmpty != receivesToken, "\(credentials) \(run.text)")
                try await server.stop()
            }
        }
    }

    @Test(arguments: [
        ("server: { prot: 9999 }\n", "prot"), ("server: [", "YAML"),
        ("auth: { mode: none }\nserver: { port: 0 }\n", "port"),
        ("auth: { mode: none }\nserver: { port: \"${SIMPLEAI_TEST_PORT}\" }\n", "SIMPLEAI_TEST_PORT"),
        ("gateway: ws://127.0.0.1:9\ntoken: x\n", "runner agent"),
    ])
    func `settings that exist and cannot be used are named, and no other gateway is asked`(
        text: String, reason: String
    ) async throws {
        try await inPlace { place in
            try place.write(text)
            for command in Self.commands + [["health"], ["health", "--config", "simpleai.yaml"]] {
                let run = try await place.simpleai(command).run()
                #expect(run.code == 1, "\(command): \(run.text)")
                #expect(run.errors.contains("simpleai.yaml") && run.errors.contains(reason), "\(command): \(run.text)")
                #expect(!run.text.contains("8080"), "\(command): \(run.text)")
            }
            let missing = try await place.simpleai(["health", "--config", "absent.yaml"]).run()
            #expect(missing.code == 1 && missing.errors.contains("absent.yaml"), "\(missing.text)")
        }
    }

    @Test func `settings that are a folder or a dangling link are named, too`() async throws {
        try await inPlace { place in
            let path = place.folder.appendingPathComponent("simpleai.yaml").path
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "absent")
            for reason in ["does not exist", "directory"] {
                for command in ["fleet", "health"] {
                    let run = try await place.simpleai([command]).run()
                    #expect(run.code == 1 && run.errors.contains(reason), "\(command): \(run.text)")
                }
                try FileManager.default.removeItem(atPath: path)
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            }
        }
    }

    @Test func `no token is made for an address in a file of the folder`() async throws {
        try await inPlace { place in
            let port = try FreePort.tcp()
            try place.write("auth: { mode: none }\nserver: { host: 127.0.0.1, port: \(port) }\n")
            try place.write("SIMPLEAI_URL=http://127.0.0.1:\(port)\n", ".env")
            try await RunningProcess.run(place.simpleai(["serve", "--json"])) { process in
                _ = try await process.ready()
                let run = try await place.simpleai(["explain"]).run()
                #expect(run.code == 1 && run.errors.contains("no token is made"), "\(run.text)")
            }
        }
    }

    @Test func `a pipe that no program writes to does not hang`() async throws {
        try await inPlace { place in
            let path = place.folder.appendingPathComponent("pipe").path
            #expect(mkfifo(path, 0o600) == 0)
            for command in [["config", "check"], ["health"]] {
                let run = try await place.simpleai(command + ["--config", path]).run(within: .seconds(60))
                #expect(run.code == 1 && run.errors.contains("is a pipe that no program writes to"), "\(run.text)")
            }
        }
    }
}
