import Settings
import SimpleAICore
import Synchronization

/// What is known of machines beside their runners: how each can be woken, and who the agents are, so that they can be
/// woken after a restart.
final class MachineDirectory: Sendable {
    /// An agent's machine, as it registered.
    struct AgentMachine: Hashable, Codable {
        var name: String
        var machineType: String
        /// As it registered; nil for a machine that cannot be woken.
        var mac: String?
        /// Public ids to the engines' own.
        var aliases: [String: String] = [:]
    }

    private struct Known {
        var ways: [RunnerID: [WakeWay]] = [:]
        var agents: [RunnerID: AgentMachine] = [:]
    }

    /// Where packets for agents' machines go.
    private let broadcast: String
    private let port: Int
    private let known: Mutex<Known>

    init(_ settings: Settings) {
        broadcast = settings.wake.broadcast
        port = settings.wake.port
        var known = Known()
        for runner in settings.runners { known.ways[runner.id] = runner.wake.map(WakeWay.all) ?? [] }
        self.known = Mutex(known)
    }

    func ways(toWake runner: RunnerID) -> [WakeWay] { known.withLock { $0.ways[runner] ?? [] } }

    var agents: [RunnerID: AgentMachine] { known.withLock { $0.agents } }

    /// Whoever cannot be woken and is gone for good need not be remembered.
    func remove(_ runner: RunnerID) {
        known.withLock {
            $0.agents[runner] = nil
            $0.ways[runner] = nil
        }
    }

    /// An agent has registered, or is known from before a restart.
    func put(_ machine: AgentMachine, of runner: RunnerID) {
        let ways = machine.mac.flatMap { MACAddress($0) }.map {
            [WakeWay.packet(WakePacketRequest(mac: $0, broadcast: broadcast, port: port))]
        }
        known.withLock {
            $0.agents[runner] = machine
            $0.ways[runner] = ways ?? []
        }
    }
}

extension WakeWay {
    /// Every way that the settings give for a machine.
    static func all(_ target: Settings.WakeTarget) -> [WakeWay] {
        var ways: [WakeWay] = []
        if let mac = target.mac {
            ways.append(
                .packet(
                    WakePacketRequest(
                        mac: mac, secureOn: target.secureOn, broadcast: target.broadcast, port: target.port)))
            if let relay = target.relay {
                ways.append(
                    .relay(
                        WakeRelayRequest(host: relay.host, port: relay.port, mac: mac, broadcast: target.broadcast)))
            }
        }
        if let program = target.command.first {
            ways.append(
                .command(WakeCommandRequest(program: program, arguments: Array(target.command.dropFirst()))))
        }
        if let hook = target.http {
            ways.append(.http(WakeHookRequest(method: hook.method, url: hook.url, host: hook.host)))
        }
        return ways
    }
}
