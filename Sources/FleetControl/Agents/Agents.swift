import Logging
package import NIOCore
import NIOHTTP1
import Relay
import RunnerProtocol
import Scheduling
import Settings
package import SimpleAICore
import Storage
import Synchronization
package import WebSocketTransport

/// The gateway's interface to connected agents; safe to use on any event loop. `AgentRegistry` handles their messages in
/// order on one event loop.
package final class Agents: AgentCommands {
    package static let path = GatewayPath.agents

    let eventLoop: any EventLoop
    private let registry: NIOLoopBoundBox<AgentRegistry>
    private let admission = AgentAdmission()
    private let admissions: AdmissionMetrics
    private let proxies: Mutex<TrustedProxies>
    private let drain: DrainState
    private let sockets = Atomic<UInt64>(0)
    private let options: WebSocketOptions
    private let invitations: RunnerTokenStore?

    init(
        settings: Settings, machines: MachineDirectory, scheduler: Scheduler, upstreams: UpstreamDirectory,
        memory: FleetMemory, metrics: FleetMetrics, admissions: AdmissionMetrics, drain: DrainState,
        invitations: RunnerTokenStore?, logger: Logger, on eventLoop: any EventLoop
    ) {
        self.eventLoop = eventLoop
        self.invitations = invitations
        self.drain = drain
        self.admissions = admissions
        proxies = Mutex(TrustedProxies(settings.server.trustedProxies))
        var options = WebSocketOptions()
        options.pingInterval = min(.seconds(20), settings.fleet.runnerTimeout / 4)
        options.silenceTimeout = settings.fleet.runnerTimeout
        options.budget = FrameBudget(burst: 256, perSecond: 32)
        self.options = options
        registry = .makeBoxSendingValue(
            AgentRegistry(
                rules: AgentRules(settings, invitations), machines: machines, scheduler: scheduler,
                upstreams: upstreams,
                memory: memory, metrics: metrics, admissions: admissions, drain: drain, admission: admission,
                logger: logger, on: eventLoop),
            eventLoop: eventLoop)
    }

    /// Starts the timer that forgets agents. Must be called once, before the first agent connects.
    package func start() {
        onRegistry { $0.startExpiry() }
    }

    /// Applies new tokens, hosts and reserved ids to later registrations.
    func adopt(_ settings: Settings) {
        proxies.withLock { $0 = TrustedProxies(settings.server.trustedProxies) }
        onRegistry { [invitations] in $0.rules = AgentRules(settings, invitations) }
    }

    /// Disconnects a runner whose token was withdrawn; it cannot register again.
    package func disconnect(_ id: RunnerID) {
        onRegistry { $0.disconnect(id) }
    }

    /// Stops every timer and drops every session.
    package func stop() async throws {
        try await eventLoop.submit { [registry] in registry.value.stop() }.get()
    }

    /// The handler that upgrades a connection to an agent's WebSocket, if its first request asks for it.
    package func upgrade(replacing httpHandlers: [any RemovableChannelHandler]) -> ServerUpgrade {
        ServerUpgrade(
            path: Self.path, options: options, removing: httpHandlers
        ) { [self] channel, head in
            guard !drain.isDraining else { return nil }
            let peer = AgentAddress.plain(channel.remoteAddress?.ipAddress ?? "")
            let proxies = proxies.withLock { $0 }
            let client = proxies.client(of: IPAddress(channel.remoteAddress), head.headers)
            let holder = proxies.trusts(client) ? nil : Peer(client)
            let number = sockets.wrappingAdd(1, ordering: .relaxed).newValue
            switch admission.enter(number, from: holder) {
            case .refused:
                admissions.shareWasRefused(.agentSockets)
                return nil
            case .admitted(let evicted):
                if let evicted { onRegistry { $0.evict(evicted) } }
                return AgentSocket(number: number, peer: peer, holder: holder, agents: self)
            }
        }
    }

    func send(_ command: AgentCommand, to id: RunnerID, _ request: CommandID) {
        onRegistry { $0.send(command, to: id, request) }
    }

    func requestStatus(of id: RunnerID) {
        onRegistry { $0.requestStatus(of: id) }
    }

    func onRegistry(_ action: @escaping @Sendable (AgentRegistry) -> Void) {
        eventLoop.execute { [registry] in action(registry.value) }
    }
}

extension AgentRules {
    init(_ settings: Settings, _ invitations: RunnerTokenStore?) {
        self.init(
            token: settings.fleet.token, tokens: settings.fleet.tokens,
            reserved: Set(settings.runners.map(\.id)),
            allowedHosts: Set(settings.fleet.allowedHosts.map { ExactString(AgentAddress.plain($0)) }),
            isTrustedProxy: { [proxies = TrustedProxies(settings.server.trustedProxies)] in
                proxies.trusts(IPAddress($0))
            },
            runnerTimeout: settings.fleet.runnerTimeout, invitations: invitations)
    }
}
