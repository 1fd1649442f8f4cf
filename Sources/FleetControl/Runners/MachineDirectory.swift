package import Settings
package import SimpleAICore
import Synchronization

/// How each machine can be woken and put to sleep, and the registrations of agents, so that their machines can be woken after a restart.
package final class MachineDirectory: Sendable {
    /// An agent's machine, as it registered.
    package struct AgentMachine: Hashable, Codable {
        package var name: String
        package var machineType: String
        /// The MAC address from its registration; nil if the machine cannot be woken.
        package var mac: String?
        /// The engine's own id of each public model id.
        package var aliases: [ModelID: EngineModelID] = [:]
        /// The peer address of its latest registration.
        package var address: String?
        /// When its agent disconnected, in seconds since 1970; nil while it is connected, or if unknown.
        package var lastSeen: Int64?
        /// Nil if unknown.
        package var hasServed: Bool?

        /// Whether all of its names are valid: a file may contain names that an older version accepted.
        package var isUsable: Bool {
            aliases.allSatisfy { NameFault(in: $0.rawValue) == nil && NameFault(in: $1.rawValue) == nil }
                && [name, machineType].allSatisfy { $0.isEmpty || NameFault(in: $0) == nil }
        }
    }

    private struct Known {
        /// Static runners' wake methods, from settings.
        var staticWakeMethods: [RunnerID: [PowerMethod]]
        /// Static runners' sleep methods, from settings.
        var staticSleepMethods: [RunnerID: [PowerMethod]]
        /// The destination of packets for agents' machines.
        var broadcast: String
        var port: Int
        var agents: [RunnerID: AgentMachine] = [:]

        init(_ settings: Settings) {
            staticWakeMethods = Dictionary(
                settings.runners.map { ($0.id, $0.wake.map(PowerMethod.all) ?? []) },
                uniquingKeysWith: { first, _ in first })
            staticSleepMethods = Dictionary(
                settings.runners.map { ($0.id, $0.sleep.map(PowerMethod.all) ?? []) },
                uniquingKeysWith: { first, _ in first })
            broadcast = settings.wake.broadcast
            port = settings.wake.port
        }
    }

    private let known: Mutex<Known>
    package let contextLengths = ContextLengths()
    package let capabilities = ModelCapabilities()

    package init(_ settings: Settings) {
        known = Mutex(Known(settings))
    }

    /// Applies new settings to later wakes and sleeps.
    package func adopt(_ settings: Settings) {
        var new = Known(settings)
        known.withLock {
            new.agents = $0.agents
            $0 = new
        }
    }

    package func wakeMethods(of runner: RunnerID) -> [PowerMethod] {
        known.withLock { known in
            if let methods = known.staticWakeMethods[runner] { return methods }
            return known.agents[runner]?.mac.flatMap { MACAddress($0) }.map {
                [.packet(WakePacketRequest(mac: $0, broadcast: known.broadcast, port: known.port))]
            } ?? []
        }
    }

    /// The methods in the settings; empty for machines that an agent puts to sleep.
    package func sleepMethods(of runner: RunnerID) -> [PowerMethod] {
        known.withLock { $0.staticSleepMethods[runner] ?? [] }
    }

    package var agents: [RunnerID: AgentMachine] { known.withLock { $0.agents } }

    /// Removes the machine of a forgotten agent.
    package func remove(_ runner: RunnerID) {
        known.withLock { _ = $0.agents.removeValue(forKey: runner) }
        contextLengths.remove(runner)
        capabilities.remove(runner)
    }

    /// Adds or updates an agent's machine, at registration and after a restart.
    package func put(_ machine: AgentMachine, of runner: RunnerID) {
        known.withLock { $0.agents[runner] = machine }
    }
}

extension PowerMethod {
    /// All wake methods that the settings give for a machine.
    package static func all(_ target: Settings.WakeTarget) -> [PowerMethod] {
        var methods: [PowerMethod] = []
        for mac in target.macs {
            methods.append(
                .packet(
                    WakePacketRequest(
                        mac: mac, secureOn: target.secureOn, broadcast: target.broadcast, port: target.port)))
            if let relay = target.relay {
                methods.append(
                    .relay(
                        WakeRelayRequest(host: relay.host, port: relay.port, mac: mac, broadcast: target.broadcast)))
            }
        }
        return methods + all(target.command, target.http)
    }

    /// All sleep methods that the settings give for a machine.
    package static func all(_ target: Settings.SleepTarget) -> [PowerMethod] { all(target.command, target.http) }

    private static func all(_ command: [String], _ hook: Settings.WebHook?) -> [PowerMethod] {
        var methods: [PowerMethod] = []
        if let program = command.first {
            methods.append(.command(PowerCommandRequest(program: program, arguments: Array(command.dropFirst()))))
        }
        if let hook {
            methods.append(.http(PowerHookRequest(method: hook.method, url: hook.url, host: hook.host)))
        }
        return methods
    }
}
