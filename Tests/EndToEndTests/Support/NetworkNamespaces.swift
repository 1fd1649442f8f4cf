import Foundation
import Testing

/// Two network namespaces that are connected only to each other: their addresses exist nowhere else.
struct NetworkNamespaces: Sendable {
    static let missing: Comment =
        "network namespaces need Linux, root and iproute2: run the tests as root, after `scripts/setup --tests`"
    static let tcpdumpMissing: Comment = "tcpdump is not on the PATH: run `scripts/setup --tests`"

    static let areThere: Bool = {
        guard getuid() == 0, let ip, let probe = try? ChildProcess(Program(ip, ["netns", "add", "simpleai-probe"]))
        else { return false }
        guard probe.waitForEnd() == 0 else { return false }
        return (try? ChildProcess(Program(ip, ["netns", "del", "simpleai-probe"])))?.waitForEnd() == 0
    }()
    static let tcpdump = Python.path("tcpdump")
    private static let ip = Python.path("ip")

    let gateway: String
    let machine: String
    /// The machine's end of the cable.
    let machineInterface: String

    /// Creates them, with 10.99.0.1 for the gateway and 10.99.0.2 for the machine, and removes them afterwards.
    static func with(_ body: (NetworkNamespaces) async throws -> Void) async throws {
        let suffix = "\(getpid() % 100_000)"
        let pair = NetworkNamespaces(
            gateway: "simpleai-g\(suffix)", machine: "simpleai-m\(suffix)", machineInterface: "sam\(suffix)")
        let gatewayInterface = "sag\(suffix)"
        do {
            for name in [pair.gateway, pair.machine] { try await run("netns add \(name)") }
            try await run(
                "link add \(gatewayInterface) netns \(pair.gateway) type veth peer name \(pair.machineInterface) "
                    + "netns \(pair.machine)")
            for (name, interface, address) in [
                (pair.gateway, gatewayInterface, "10.99.0.1"), (pair.machine, pair.machineInterface, "10.99.0.2"),
            ] {
                try await run("-n \(name) addr add \(address)/24 brd + dev \(interface)")
                try await run("-n \(name) link set \(interface) up")
                try await run("-n \(name) link set lo up")
            }
            try await body(pair)
        } catch {
            try await pair.remove()
            throw error
        }
        try await pair.remove()
    }

    /// A program inside one of the namespaces.
    func program(in namespace: String, _ program: Program) throws -> Program {
        var inside = program
        inside.executable = try #require(Self.ip)
        inside.arguments = ["netns", "exec", namespace, program.executable.path] + program.arguments
        return inside
    }

    private func remove() async throws {
        // Deleting its ends deletes the cable.
        for name in [gateway, machine] { try await Self.run("netns del \(name)") }
    }

    private static func run(_ arguments: String) async throws {
        let program = Program(try #require(ip), arguments.split(separator: " ").map(String.init))
        let ended = try await program.run(within: .seconds(30))
        #expect(ended.code == 0, "ip \(arguments): \(ended.text)")
    }
}
