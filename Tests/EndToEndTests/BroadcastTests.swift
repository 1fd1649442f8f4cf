import Foundation
import Testing

/// Magic packets on a network, captured by independent listeners.
@Suite(.serialized) struct BroadcastTests {
    private static let mac = "52:54:00:ab:cd:ef"
    private static let password = "01:02:03:04:05:06"

    /// The expected payload, composed by hand: six FF, sixteen times the MAC address, the password.
    private static let packet =
        String(repeating: "ff", count: 6) + String(repeating: "525400abcdef", count: 16) + "010203040506"

    @Test(
        .enabled(if: NetworkNamespaces.areThere, NetworkNamespaces.missing),
        .enabled(if: Python.isThere, Python.missing))
    func `a directed broadcast, seen below the IP stack`() async throws {
        try await NetworkNamespaces.with { network in
            let listener = Program(
                Repository.file("Tests/EndToEndTests/clients/raw_listener.py"), [network.machineInterface]
            ).interpretedByPython()
            try await listening(network, listener, on: .output, ready: "listening") { process in
                let line = try await process.line("a packet") { $0.contains(" 10.99.0.255 ") }
                // A broadcast, not a unicast: a sleeping machine has no IP address.
                #expect(line == "ffffffffffff 10.99.0.255 \(Self.packet)")
            }
        }
    }

    @Test(
        .enabled(if: NetworkNamespaces.areThere, NetworkNamespaces.missing),
        .enabled(if: NetworkNamespaces.tcpdump != nil, NetworkNamespaces.tcpdumpMissing))
    func `a directed broadcast, seen by tcpdump`() async throws {
        try await NetworkNamespaces.with { network in
            let listener = Program(
                try #require(NetworkNamespaces.tcpdump),
                ["-i", network.machineInterface, "-n", "-l", "-c", "1", "-x", "udp", "port", "9"])
            try await listening(network, listener, on: .errors, ready: "listening on") { process in
                let ended = try await process.ended(within: .seconds(60))
                #expect(ended.output.contains("10.99.0.1."), "\(ended.text)")
                #expect(ended.output.contains("> 10.99.0.255.9: UDP, length 108"), "\(ended.text)")
                let digits = ended.output.split(separator: "\n").filter { $0.contains("0x") }
                    .flatMap { $0.split(separator: ":", maxSplits: 1).dropFirst() }.joined()
                #expect(digits.filter { !$0.isWhitespace }.hasSuffix(Self.packet), "\(ended.text)")
            }
        }
    }

    /// Runs a gateway in one namespace, a call for a model whose machine is unreachable, and a listener in the other.
    private func listening(
        _ network: NetworkNamespaces, _ listener: Program, on channel: RunningProcess.Channel, ready: String,
        _ body: @escaping @Sendable (RunningProcess) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let settings = folder.appendingPathComponent("simpleai.yaml")
            try Data(
                """
                server: {host: 127.0.0.1, port: 0}
                auth: {mode: none}
                classes: {fast: [m]}
                fleet: {state_file: "\(folder.path)/state.json"}
                runners:
                  - id: sleeper
                    url: http://10.99.0.9:11434
                    models: [m]
                    probe: {every: 100ms, timeout: 200ms}
                    wake: {mac: "\(Self.mac)", broadcast: 10.99.0.255, secure_on: "\(Self.password)"}
                """.utf8
            ).write(to: settings)
            let serve = try network.program(
                in: network.gateway, .simpleai("serve", "--config", settings.path, "--json"))
            try await RunningProcess.run(network.program(in: network.machine, listener)) { process in
                _ = try await process.line("that it listens", on: channel) { $0.hasPrefix(ready) }
                try await RunningProcess.run(serve) { gateway in
                    let url = try await gateway.ready().url
                    let call = Program(
                        try #require(Python.path("curl")),
                        [
                            "--silent", "--max-time", "60", "--header", "Content-Type: application/json", "--data",
                            #"{"model":"class:fast","messages":[]}"#, url + "/v1/chat/completions",
                        ])
                    try await RunningProcess.run(network.program(in: network.gateway, call)) { _ in
                        try await body(process)
                    }
                }
            }
        }
    }
}
