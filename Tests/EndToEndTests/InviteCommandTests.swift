import Foundation
import NIOCore
import StandIn
import Synchronization
import Testing

/// `simpleai invite`: what it prints can be used on the machine.
@Suite struct InviteCommandTests {
    /// A gateway that records the requests, and accepts all.
    private func gateway(_ body: (String, @Sendable () -> [String]) async throws -> Void) async throws {
        let recorded = Recorded()
        let server = try await StandInServer.start { request, loop in
            recorded.add("\(request.method) \(request.path)")
            return loop.makeSucceededFuture(
                StandInResponse(status: 201, body: #"{"token":"simpleai-join-abc","path":"/ws/runners"}"#))
        }
        try await body("http://127.0.0.1:\(server.port)", { recorded.all })
        try await server.stop()
    }

    private final class Recorded: Sendable {
        private let lines = Mutex<[String]>([])
        func add(_ line: String) { lines.withLock { $0.append(line) } }
        var all: [String] { lines.withLock { $0 } }
    }

    private func invite(_ url: String, _ arguments: String...) async throws -> RunningProcess.Ended {
        try await Program(Repository.binary, ["invite", "--url", url, "--token", "x"] + arguments).run()
    }

    @Test(arguments: [
        "gw.lan:8080", "foo", "ws://x y", "ws://", "ftp://gw.lan", "ws://gw.lan:99999", "ws://user:secret@gw.lan", "",
        "ws://gw.lan/#x", "ws://${HOME}",
    ])
    func `an address that no agent can use is refused before the invitation is made`(address: String) async throws {
        try await gateway { url, requests in
            let run = try await invite(url, "desk", "--gateway", address)
            #expect(run.code == 2 && run.errors.contains("--gateway"), "\(run.text)")
            #expect(requests().isEmpty, "the former invitation is valid still")
        }
    }

    @Test(arguments: [
        ("ws://gw.lan:8080", "ws://gw.lan:8080"), ("https://ai.example.com", "wss://ai.example.com"),
        ("http://10.0.0.1:8080", "ws://10.0.0.1:8080"), ("WSS://[fd00::1]", "wss://[fd00::1]"),
    ])
    func `an address of a browser becomes that of an agent`(given: String, printed: String) async throws {
        try await gateway { url, requests in
            let run = try await invite(url, "desk", "--gateway", given)
            #expect(run.code == 0, "\(run.text)")
            let line =
                "simpleai setup --runner --gateway \(JoinLine.word(printed)) --id desk --token simpleai-join-abc\n"
            #expect(run.output == line, "\(run.text)")
            #expect(requests() == ["POST /admin/api/invitations"])
        }
    }

    @Test(arguments: ["a b", "", "ä", "${HOME:-x}", String(repeating: "x", count: 129)])
    func `an id that no agent can have is refused before the invitation is made`(id: String) async throws {
        try await gateway { url, requests in
            let run = try await invite(url, id)
            #expect(run.code == 2 && run.errors.contains("the id"), "\(run.text)")
            #expect(requests().isEmpty)
        }
    }

    @Test func `the line for an id that begins with a hyphen is accepted by setup`() async throws {
        try await gateway { url, _ in
            let run = try await invite(url, "--gateway", url, "--", "-x")
            #expect(run.code == 0 && run.output.contains(" --id=-x "), "\(run.text)")
            try await withTemporaryFolder { folder in
                let words = run.output.split(whereSeparator: \.isWhitespace).dropFirst().map(String.init)
                // The invitation is not complete, so setup refuses it, but not the command line.
                let setup = try await Program(
                    Repository.binary, words + ["--yes", "--no-start", "--directory", folder.path]
                ).run()
                #expect(setup.code == 1 && setup.errors.contains("incomplete"), "\(setup.text)")
            }
        }
    }

    /// A namespace with a bridge, such as that of containers, before the network of the default route.
    @Test(.enabled(if: NetworkNamespaces.areThere, NetworkNamespaces.missing))
    func `the address in the line is that of the default route`() async throws {
        let ip = try #require(Python.path("ip"))
        let name = "simpleai-i\(getpid() % 100_000)"
        func run(_ words: String) async throws {
            let ended = try await Program(ip, words.split(separator: " ").map(String.init)).run()
            #expect(ended.code == 0, "ip \(words): \(ended.text)")
        }
        try await run("netns add \(name)")
        do {
            for words in [
                "link set lo up", "link add docker0 type veth peer name container0",
                "addr add 172.18.0.1/16 dev docker0",
                "link set docker0 up", "link set container0 up", "link add lan0 type veth peer name router0",
                "addr add 192.168.77.5/24 dev lan0",
                "link set lan0 up", "link set router0 up", "route add default via 192.168.77.1",
            ] {
                try await run("-n \(name) \(words)")
            }
            try await withTemporaryFolder { folder in
                let serving = Program(
                    ip, ["netns", "exec", name, Repository.binary.path, "serve", "--json"], directory: folder)
                try "server: { host: 127.0.0.1, port: 8080 }\nauth: { mode: none }\n".write(
                    to: folder.appendingPathComponent("simpleai.yaml"), atomically: true, encoding: .utf8)
                try await RunningProcess.run(serving) { process in
                    _ = try await process.ready()
                    let invited = try await Program(
                        ip, ["netns", "exec", name, Repository.binary.path, "invite", "desk", "--token", "x"],
                        environment: ["HOME": folder.path, "XDG_RUNTIME_DIR": folder.path], directory: folder
                    ).run()
                    #expect(invited.output.contains("--gateway ws://192.168.77.5:8080 "), "\(invited.text)")
                    #expect(invited.errors.contains("set server.host to 0.0.0.0"), "\(invited.text)")
                }
            }
        } catch {
            try await run("netns del \(name)")
            throw error
        }
        try await run("netns del \(name)")
    }
}

/// Words as the line for a machine quotes them.
private enum JoinLine {
    static func word(_ text: String) -> String { text.contains("[") ? "'\(text)'" : text }
}
