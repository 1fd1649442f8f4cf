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
        var aliases: [ModelID: EngineModelID] = [:]
        /// Where it came from when it last registered.
        var address: String?
        /// When it left, in seconds since 1970; nil while it is connected, and where nobody knows.
        var lastSeen: Int64?
        /// Nil where nobody knows.
        var hasServed: Bool?

        /// Whether all of its names can be used: a file may hold what an older version let in.
        var isUsable: Bool {
            aliases.allSatisfy { NameFault(in: $0.rawValue) == nil && NameFault(in: $1.rawValue) == nil }
                && [name, machineType].allSatisfy { $0.isEmpty || NameFault(in: $0) == nil }
        }
    }

    private struct Known {
        /// Of the runners in settings.
        var stated: [RunnerID: [WakeWay]]
        /// Where packets for agents' machines go.
        var broadcast: String
        var port: Int
        var agents: [RunnerID: AgentMachine] = [:]

        init(_ settings: Settings) {
            stated = Dictionary(
                settings.runners.map { ($0.id, $0.wake.map(WakeWay.all) ?? []) },
                uniquingKeysWith: { first, _ in first })
            broadcast = settings.wake.broadcast
            port = settings.wake.port
        }
    }

    private let known: Mutex<Known>
    let contextLengths = ContextLengths()

    init(_ settings: Settings) {
        known = Mutex(Known(settings))
    }

    /// Other settings, from the next attempt to wake a machine on.
    func adopt(_ settings: Settings) {
        var new = Known(settings)
        known.withLock {
            new.agents = $0.agents
            $0 = new
        }
    }

    func ways(toWake runner: RunnerID) -> [WakeWay] {
        known.withLock { known in
            if let ways = known.stated[runner] { return ways }
            return known.agents[runner]?.mac.flatMap { MACAddress($0) }.map {
                [.packet(WakePacketRequest(mac: $0, broadcast: known.broadcast, port: known.port))]
            } ?? []
        }
    }

    var agents: [RunnerID: AgentMachine] { known.withLock { $0.agents } }

    /// Whoever cannot be woken and is gone for good need not be remembered.
    func remove(_ runner: RunnerID) {
        known.withLock { _ = $0.agents.removeValue(forKey: runner) }
        contextLengths.remove(runner)
    }

    /// An agent has registered, or is known from before a restart.
    func put(_ machine: AgentMachine, of runner: RunnerID) {
        known.withLock { $0.agents[runner] = machine }
    }
}

extension WakeWay {
    /// Every way that the settings give for a machine.
    static func all(_ target: Settings.WakeTarget) -> [WakeWay] {
        var ways: [WakeWay] = []
        for mac in target.macs {
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
