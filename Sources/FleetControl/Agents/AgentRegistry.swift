import Foundation
import Logging
import NIOCore
import NIOSSL
import OutgoingTLS
import Relay
import RunnerProtocol
import Scheduling
import SimpleAICore
import WebSocketTransport

/// The connected agents by runner id: the shell that runs their `RunnerSession`s and applies the results to the scheduler.
/// Uses one event loop, so that all messages of agents are handled in one order.
final class AgentRegistry {
    /// Registrations per runner id: a burst of 10, then one per second. Two machines with the same id would
    /// otherwise replace each other without pause.
    private static let registrations = FrameBudget(burst: 10, perSecond: 1)
    /// Timeout of an agent's pong when its connection may be dead.
    private static let pongTimeout: TimeAmount = .seconds(10)
    /// The protocol extensions of this gateway beyond version 1.
    static let extensions = Set(ProtocolExtension.allCases)

    private struct Connection {
        var session: RunnerSession
        let socket: WebSocket
        let peer: String
        /// The agent's address; nil if only a trusted proxy's address is known.
        let holder: Peer?
        var id: RunnerID?
        var registration: Identity?
        /// The entries omitted from the agent's lists, as last logged.
        var omitted = OmittedEntries()
        /// How the connection ended, or why the gateway ends it; nil if the agent's heartbeats stopped.
        var endReason: OperatorReason?
        var timer: (at: ContinuousClock.Instant, task: Scheduled<Void>)?

        /// The extensions that both sides support.
        var extensions: Set<ProtocolExtension> {
            registration.map { $0.extensions.intersection(AgentRegistry.extensions) } ?? []
        }
    }

    /// The part of a registration that the registry keeps. It omits the status, which may be large.
    private struct Identity {
        let name: String
        let machineType: String
        let mac: String?
        let extensions: Set<ProtocolExtension>

        init(_ registration: Registration) {
            name = registration.runnerName
            machineType = registration.machineType ?? ""
            mac = registration.macAddress?.description
            extensions = registration.extensions
        }
    }

    /// The current rules. A session keeps those of the time at which its socket opened.
    var rules: AgentRules
    private let machines: MachineDirectory
    private let scheduler: Scheduler
    private let upstreams: UpstreamDirectory
    private let memory: FleetMemory
    private let metrics: FleetMetrics
    private let admissions: AdmissionMetrics
    private let drain: DrainState
    private let admission: AgentAdmission
    private let logger: Logger
    private let eventLoop: any EventLoop
    private let now: () -> ContinuousClock.Instant
    private var connections: [UInt64: Connection] = [:]
    /// The current connection of each runner.
    private var current: [RunnerID: UInt64] = [:]
    private var budgets: [RunnerID: FrameBudget] = [:]
    private var roster = AgentRoster()
    private var expiry: RepeatedTask?
    private let start: ContinuousClock.Instant
    private var statusRequests = 0
    /// Commands without a result yet, by their request id.
    private var pendingCommands: [ExactString: (id: RunnerID, request: CommandID)] = [:]
    /// After the end of the gateway nothing is written and no command completes.
    private var isStopped = false

    init(
        rules: AgentRules, machines: MachineDirectory, scheduler: Scheduler, upstreams: UpstreamDirectory,
        memory: FleetMemory, metrics: FleetMetrics, admissions: AdmissionMetrics, drain: DrainState,
        admission: AgentAdmission, logger: Logger, on eventLoop: any EventLoop,
        now: @escaping () -> ContinuousClock.Instant = { .now }
    ) {
        self.rules = rules
        self.machines = machines
        self.scheduler = scheduler
        self.upstreams = upstreams
        self.memory = memory
        self.metrics = metrics
        self.admissions = admissions
        self.drain = drain
        self.admission = admission
        self.logger = logger
        self.eventLoop = eventLoop
        self.now = now
        start = now()
        restore()
    }

    // MARK: Events from sockets

    func opened(_ number: UInt64, _ socket: WebSocket, peer: String, holder: Peer?) {
        connections[number] = Connection(
            session: RunnerSession(rules: rules, peer: peer, now: now()), socket: socket, peer: peer,
            holder: holder)
        arm(number)
    }

    func received(_ event: AgentSocket.SocketEvent, on number: UInt64) {
        let now = now()
        act(on: number) { session in
            switch event {
            case .message(let message): session.messageArrived(message, now: now)
            case .fault(let fault): session.faultArrived(fault, now: now)
            case .binary: session.binaryArrived()
            }
        }
    }

    /// Called for every admitted socket, also for one that never opened.
    func closed(_ number: UInt64, _ end: WebSocketEnd) {
        if case .fault = end { metrics.agentViolatedProtocol(.protocolError) }
        if let id = connections[number]?.id {
            logger.debug(
                "Agent connection closed",
                metadata: [LogKeys.runner: "\(id)", LogKeys.cause: "\(end.reason)"])
        }
        connections[number]?.endReason = end.reason
        act(on: number) { $0.closed() }
        let connection = connections.removeValue(forKey: number)
        connection?.timer?.task.cancel()
        admission.left(number)
    }

    /// Closes a socket that was unregistered when the admission gave its place to another one. An agent that has registered
    /// on it meanwhile is disconnected, too, because the socket no longer counts; it reconnects from a known address.
    func evict(_ number: UInt64) {
        // Counts the evicted socket as refused.
        admissions.shareWasRefused(.agentSockets)
        connections[number]?.socket.abort()
    }

    /// Starts the periodic removal of agents that have been disconnected too long.
    func startExpiry() {
        expiry = eventLoop.scheduleRepeatedTask(initialDelay: .minutes(1), delay: .minutes(10)) {
            [box = NIOLoopBound(self, eventLoop: eventLoop)] _ in
            let registry = box.value
            registry.forget(registry.roster.expire(now: registry.now()))
        }
    }

    func stop() {
        expiry?.cancel()
        expiry = nil
        for connection in connections.values {
            connection.timer?.task.cancel()
            connection.socket.abort()
        }
        isStopped = true
        pendingCommands = [:]
    }

    /// State that must survive a restart may have changed.
    private func stateChanged() {
        if !isStopped { memory.update() }
    }

    // MARK: Commands

    private func commandCompleted(_ id: RunnerID, _ request: CommandID, _ failure: String?) {
        if !isStopped { scheduler.commandCompleted(id, request, failure: failure) }
    }

    func send(_ command: AgentCommand, to id: RunnerID, _ request: CommandID) {
        guard let connection = connection(of: id) else {
            return commandCompleted(id, request, "the agent is not connected")
        }
        let requestID = "\(request)"
        let message: GatewayMessage
        switch command {
        case .loadModel(let model): message = .loadModel(model, requestID: requestID)
        case .unloadModel(let model): message = .unloadModel(model, requestID: requestID)
        case .sleep:
            guard connection.extensions.contains(.sleep) else {
                return commandCompleted(id, request, "the agent does not support sleep")
            }
            message = .sleep(requestID: requestID)
        }
        pendingCommands[ExactString(requestID)] = (id, request)
        connection.socket.send(MessageCodec.text(message))
    }

    /// Requests a new status report after evidence has contradicted the last one; no effect if the agent is not connected.
    func requestStatus(of id: RunnerID) {
        statusRequests &+= 1
        let message = GatewayMessage.requestStatus(requestID: "s\(statusRequests)")
        guard let connection = connection(of: id) else { return }
        connection.socket.send(MessageCodec.text(message))
        // The machine may have lost power: only a missing pong reveals that.
        connection.socket.verify(within: Self.pongTimeout)
    }

    private func connection(of id: RunnerID) -> Connection? {
        current[id].flatMap { connections[$0] }.flatMap { $0.session.isJoined ? $0 : nil }
    }

    /// An agent may send results only for its own commands.
    private func handleCommandResponse(_ response: CommandResponse, from id: RunnerID?) {
        guard let entry = pendingCommands[ExactString(response.requestID)], entry.id == id else { return }
        pendingCommands[ExactString(response.requestID)] = nil
        let failure = OperatorReason(response.error ?? "the agent reported no reason").description
        commandCompleted(entry.id, entry.request, response.success ? nil : failure)
    }

    /// A disconnected agent sends no results.
    private func failCommands(of id: RunnerID) {
        let open = pendingCommands.filter { $0.value.id == id }
        for requestID in open.keys { pendingCommands[requestID] = nil }
        for entry in open.values { commandCompleted(id, entry.request, "the agent disconnected") }
    }

    // MARK: Actions

    private func act(on number: UInt64, _ event: (inout RunnerSession) -> [RunnerSession.Action]) {
        guard var connection = connections[number] else { return }
        let actions = event(&connection.session)
        connections[number] = connection
        for action in actions { perform(action, on: number) }
        arm(number)
    }

    private func perform(_ action: RunnerSession.Action, on number: UInt64) {
        guard let connection = connections[number] else { return }
        switch action {
        case .send(.ping): connection.socket.send(MessageCodec.text(.ping(timestamp: Self.unixSeconds)))
        case .send(let message): connection.socket.send(MessageCodec.text(message))
        case .join(let registration, let address): admit(registration, at: address, on: number)
        case .report(let status): report(status, on: number)
        case .commandResponse(let response): handleCommandResponse(response, from: connection.id)
        case .left: left(number)
        case .close: connection.socket.close()
        case .countError(let code):
            connections[number]?.endReason = OperatorReason("its agent violated the protocol (\(code.rawValue))")
            logViolation(code, connection)
        }
    }

    private func logViolation(_ code: ProtocolErrorCode, _ connection: Connection) {
        metrics.agentViolatedProtocol(code)
        // Any client that reaches the port can cause these lines, so their level is one that operators can switch off.
        var metadata: Logger.Metadata = [LogKeys.address: "\(connection.peer)", LogKeys.code: "\(code.rawValue)"]
        guard !rules.acceptsAgents else { return logger.info("Agent protocol violation", metadata: metadata) }
        // A missing token is probably a mistake in the settings, so operators should see this line.
        metadata[LogKeys.cause] = "fleet.token is empty"
        logger.notice("Agent refused", metadata: metadata)
    }

    /// Joins an agent; an invited one after its own token is stored.
    private func admit(_ registration: Registration, at address: AgentAddress, on number: UInt64) {
        guard let peer = connections[number]?.peer,
            let exchange = InvitationExchange(registration, from: peer, store: rules.invitations, logger: logger)
        else { return join(registration, at: address, on: number) }
        exchange.run(on: eventLoop) { [box = NIOLoopBound(self, eventLoop: eventLoop)] outcome in
            switch outcome {
            case .success(let registration): box.value.join(registration, at: address, on: number)
            case .failure(let refusal): box.value.act(on: number) { $0.refused(refusal) }
            }
        }
    }

    /// Closes the connection of a runner whose token was withdrawn.
    func disconnect(_ id: RunnerID) {
        guard let number = current[id] else { return }
        connections[number]?.socket.close()
    }

    private func join(_ registration: Registration, at address: AgentAddress, on number: UInt64) {
        guard connections[number] != nil, !isStopped else { return }
        let id = registration.runnerID
        if let refusal = rateLimitRefusal(of: id) { return act(on: number) { $0.refused(refusal) } }
        let upstream: Upstream
        do {
            upstream = try self.upstream(of: registration, at: address)
        } catch {
            let refusal = AgentRefusal(.protocolError, "The gateway cannot use this http_base_url.")
            return act(on: number) { $0.refused(refusal) }
        }
        if let refusal = addToRoster(for: registration, on: number) { return act(on: number) { $0.refused(refusal) } }
        // The old connection first: its messages must not be handled after messages of the new one.
        if let old = current[id] { act(on: old) { $0.replaced() } }
        current[id] = number
        connections[number]?.id = id
        connections[number]?.registration = Identity(registration)
        admission.registered(number)
        upstreams.put(upstream)
        upstreams.forgetEndpoints(of: id)
        metrics.agentJoined(connected: current.count)
        logger.info(
            "Agent registered",
            metadata: [LogKeys.runner: "\(id)", LogKeys.address: "\(upstream.authority)"])
        updateMachine(registration.status, of: id, number)
        scheduler.agentConnected(id)
        // After `agentConnected`, so that the scheduler has ended the old connection's commands and ignores these failures.
        failCommands(of: id)
        let now = now()
        let extensions = registration.extensions.isEmpty ? [] : Self.extensions
        report(registration.status, on: number)
        // Last, because the agent may receive calls immediately after this.
        act(on: number) { $0.joined(id, extensions: extensions, now: now) }
    }

    private func rateLimitRefusal(of id: RunnerID) -> AgentRefusal? {
        var budget = budgets[id] ?? Self.registrations
        let isWithin = budget.take(bytes: 0, now: now() - start)
        guard isWithin else {
            return AgentRefusal(
                .protocolError, "Too many registrations under this runner_id; another machine may use the same id.")
        }
        budgets[id] = budget
        return nil
    }

    /// Adds an agent to the roster, which limits the number of agents and the size of the data that they report.
    private func addToRoster(for registration: Registration, on number: UInt64) -> AgentRefusal? {
        let id = registration.runnerID
        let outcome = roster.joined(
            id, holder(of: id, connections[number]?.holder), size: registration.status.retainedSize,
            canBeWoken: registration.macAddress != nil)
        forget(outcome.forgotten)
        guard let refusal = outcome.refusal else { return nil }
        admissions.shareWasRefused(.agents)
        if !roster.knows(id) { budgets[id] = nil }
        switch refusal {
        case .tooManyAgents:
            return AgentRefusal(
                .protocolError,
                "Too many agents, in total or from your address. Give this agent its own token in fleet.tokens, so "
                    + "that it does not count for its address.")
        case .tooLarge:
            return AgentRefusal(
                .protocolError, "The status lists too many models. Report fewer models or aliases.")
        }
    }

    /// The agent or address whose share an agent counts against.
    private func holder(of id: RunnerID, _ address: Peer?) -> AgentRoster.Holder {
        rules.hasOwnToken(id) ? .agent(id) : address.map(AgentRoster.Holder.address) ?? .proxy
    }

    /// Removes agents that the roster has forgotten.
    private func forget(_ ids: [RunnerID]) {
        for id in ids {
            logger.info("Agent removed", metadata: [LogKeys.runner: "\(id)"])
            scheduler.remove(id)
            upstreams.remove(id)
            machines.remove(id)
            budgets[id] = nil
        }
        if !ids.isEmpty { stateChanged() }
    }

    /// Restores the agents from before a restart.
    private func restore() {
        let sizes = Dictionary(
            scheduler.snapshot().runners.map { status in
                (status.runner.id, status.models.values.reduce(0) { $0 + $1.rawValue.utf8.count + 64 })
            }, uniquingKeysWith: { first, _ in first })
        let time = Self.unixSeconds
        let now = now()
        let seen = machines.agents.sorted { ($0.value.lastSeen ?? .max) > ($1.value.lastSeen ?? .max) }
        for (id, machine) in seen {
            let address = machine.address.flatMap { IPAddress($0) }.map { Peer($0) }
            if let address { admission.remember(address) }
            let age = max(0, min(Int64(time) - (machine.lastSeen ?? Int64(time)), 365 * 86_400))
            let isRemembered = roster.remembered(
                id, holder(of: id, address), size: sizes[id] ?? 0, hasServed: machine.hasServed ?? true,
                disconnectedAt: now - .seconds(age))
            if !isRemembered { forget([id]) }
        }
        forget(roster.expire(now: now))
    }

    /// The upstream of an agent: the existing object if nothing has changed, because it records the latest activity.
    private func upstream(of registration: Registration, at address: AgentAddress) throws -> Upstream {
        let key = registration.extensions.contains(.httpAuth) ? registration.authToken : nil
        if let known = upstreams[registration.runnerID], known.host == address.host, known.port == address.port,
            known.pathPrefix == address.pathPrefix, (known.tls != nil) == address.isSecure, known.apiKey == key
        {
            return known
        }
        let tls = address.isSecure ? try NIOSSLContext(configuration: OutgoingTLS.configuration()) : nil
        return Upstream(
            runner: registration.runnerID, host: address.host, port: address.port, tls: tls,
            pathPrefix: address.pathPrefix, apiKey: key)
    }

    private func report(_ status: RunnerStatus, on number: UInt64) {
        guard let connection = connections[number], let id = connection.id, current[id] == number else { return }
        guard roster.changed(id, size: status.retainedSize) else {
            admissions.shareWasRefused(.agents)
            logger.notice(
                "Agent status ignored",
                metadata: [
                    LogKeys.runner: "\(id)", LogKeys.bytes: "\(status.retainedSize)",
                    LogKeys.cause: "model limit exceeded",
                ])
            return
        }
        updateMachine(status, of: id, number)
        machines.capabilities.put(status.modelCapabilities, of: id)
        if let machine = machines.agents[id] {
            upstreams.noteReported(status.endpoints(of: Runner(id, machine)), at: id)
        }
        if machines.contextLengths.put(status.contextLengths, of: id) { stateChanged() }
        logOmittedEntries(status.allOmitted, id, number)
        scheduler.agentReported(id, RunnerReport(status, extensions: connection.extensions))
    }

    /// Logs omitted entries once per connection: an agent must not fill the log.
    private func logOmittedEntries(_ omitted: OmittedEntries, _ id: RunnerID, _ number: UInt64) {
        guard omitted.count > 0, connections[number]?.omitted.count == 0 else { return }
        connections[number]?.omitted = omitted
        logger.warning(
            "Model names skipped",
            metadata: [
                LogKeys.runner: "\(id)", LogKeys.count: "\(omitted.count)",
                LogKeys.cause: "\(omitted.reason ?? "")",
            ])
    }

    /// Reports a changed machine to the scheduler and the state file.
    private func updateMachine(_ status: RunnerStatus, of id: RunnerID, _ number: UInt64) {
        guard let connection = connections[number], let registration = connection.registration else { return }
        let known = machines.agents[id]
        let machine = MachineDirectory.AgentMachine(
            name: registration.name, machineType: registration.machineType, mac: registration.mac,
            aliases: status.modelAliases, address: connection.peer, hasServed: known?.hasServed)
        let didChange = known != machine
        if didChange { machines.put(machine, of: id) }
        scheduler.put(Runner(id, machine).with(slots: status.slots(connection.extensions)))
        if didChange { stateChanged() }
    }

    private func left(_ number: UInt64) {
        guard let connection = connections[number], let id = connection.id, current[id] == number else { return }
        let reason =
            connection.endReason ?? "no heartbeat from its agent within \(rules.runnerTimeout.wholeMilliseconds) ms"
        current[id] = nil
        let hasServed = scheduler.hasServed(id)
        roster.left(id, hasServed: hasServed, now: now())
        if var machine = machines.agents[id] {
            machine.lastSeen = Int64(Self.unixSeconds)
            machine.hasServed = hasServed || machine.hasServed ?? false
            machines.put(machine, of: id)
            stateChanged()
        }
        metrics.agentLeft(connected: current.count)
        // Last, so that the scheduler counts the disconnect of a machine that falls asleep as success of its sleep command, not
        // as a refusal.
        defer { failCommands(of: id) }
        // During a shutdown the gateway closes the sockets: a disconnect is then no evidence about the machine.
        guard !drain.isDraining else { return }
        logger.info(
            "Agent disconnected", metadata: [LogKeys.runner: "\(id)", LogKeys.cause: "\(reason)"])
        scheduler.agentDisconnected(id, reason: reason)
    }

    // MARK: Time

    private func arm(_ number: UInt64) {
        guard let deadline = connections[number]?.session.nextDeadline else { return }
        if let timer = connections[number]?.timer {
            // A timer that fires early is armed again.
            guard deadline < timer.at else { return }
            timer.task.cancel()
        }
        let delay = TimeAmount(max(.zero, now().duration(to: deadline)))
        let task = eventLoop.assumeIsolated().scheduleTask(in: delay) { [weak self] in
            guard let self else { return }
            connections[number]?.timer = nil
            let now = now()
            act(on: number) { $0.timePassed(now: now) }
        }
        connections[number]?.timer = (deadline, task)
    }

    private static var unixSeconds: Int { Int(Date().timeIntervalSince1970) }
}
