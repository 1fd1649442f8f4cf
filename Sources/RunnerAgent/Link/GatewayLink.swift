import Logging
import NIOCore
import NIOSSL
import NetworkErrors
import OutgoingTLS
import RunnerProtocol
import Settings
import SimpleAICore
import Synchronization
import WebSocketTransport

/// The connection to the gateway: performs the actions of `LinkState` and reports events to it.
final class GatewayLink: Sendable {
    static let extensions: Set<ProtocolExtension> = [.slots, .power, .sleep, .httpAuth]

    private let address: WebSocketAddress
    private let tls: NIOSSLContext?
    private let settings: RunnerSettings
    private let credential: AgentCredential
    private let httpPort: Int
    private let report: StatusReport
    private let commands: AgentCommands
    private let times: LinkState.Times
    private let group: any EventLoopGroup
    private let logger: Logger
    private let onAgreement: @Sendable (Set<ProtocolExtension>) -> Void
    private let events: AsyncStream<LinkState.Event>
    private let event: AsyncStream<LinkState.Event>.Continuation
    private let connection = Mutex<WebSocketConnection?>(nil)
    /// The clocks at the latest sleep command.
    private let clocksAtSleep = Mutex<AwakeClocks?>(nil)

    /// Maximum number of unhandled events: the socket limits a gateway's messages, and all other events are rare.
    private static let maxEvents = 4_096

    /// - Parameters:
    ///   - httpPort: the port of the agent's HTTP server.
    ///   - onAgreement: called each time that the gateway has registered the agent, with the extensions that both sides
    ///     support.
    /// - Throws: `RunnerAgentStartError` for unusable certificates.
    init(
        _ settings: RunnerSettings, credential: AgentCredential, httpPort: Int, report: StatusReport,
        commands: AgentCommands,
        group: any EventLoopGroup,
        logger: Logger, onAgreement: @escaping @Sendable (Set<ProtocolExtension>) -> Void
    ) throws(RunnerAgentStartError) {
        guard let address = WebSocketAddress(settings.gateway) else {
            throw RunnerAgentStartError("\(settings.gateway) is not a WebSocket URL")
        }
        self.address = address
        tls = try Self.tls(settings.tls, isNeeded: address.isSecure)
        self.settings = settings
        self.credential = credential
        self.httpPort = httpPort
        self.report = report
        self.commands = commands
        self.group = group
        self.logger = logger
        self.onAgreement = onAgreement
        var times = LinkState.Times()
        times.heartbeat = settings.heartbeat
        self.times = times
        (events, event) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.maxEvents))
    }

    /// Registers, and reconnects after each loss of the connection, until `finished` or a cancellation.
    func run() async {
        var state = LinkState(times: times, offers: Self.extensions) { .random(in: 0...1) }
        await withDiscardingTaskGroup { tasks in
            notify(.started)
            for await event in events {
                for action in state.handle(event) { perform(action, agreed: state.agreed, in: &tasks) }
                if state.phase == .ended { break }
            }
            tasks.cancelAll()
            connection.withLock { $0 }?.socket.abort()
        }
    }

    func notify(_ event: LinkState.Event) { self.event.yield(event) }

    // MARK: Actions

    private func perform(
        _ action: LinkState.Action, agreed: Set<ProtocolExtension>, in tasks: inout DiscardingTaskGroup
    ) {
        switch action {
        case .connect(let number): tasks.addTask { await self.serveConnection(number) }
        case .register: register()
        case .agree(let extensions):
            noteRegistration()
            onAgreement(extensions)
        case .sendHeartbeat: send(.heartbeat(report.status(agreed: agreed)))
        case .sendStatusUpdate: send(.statusUpdate(report.status(agreed: agreed)))
        case .respond(let requestID, let failure, let withStatus):
            send(
                .commandResponse(
                    CommandResponse(
                        requestID: requestID, success: failure == nil, error: failure,
                        status: withStatus ? report.status(agreed: agreed) : nil)))
        case .perform(let command, let requestID, let number):
            tasks.addTask { [commands, report] in
                if command == .sleep { report.noteSleepProblem(nil) }
                let failure = await commands.perform(command)
                self.notify(.commandEnded(number, command, requestID: requestID, failure: failure))
            }
        case .startTimer(let timer, let number, let duration):
            tasks.addTask {
                guard (try? await Task.sleep(for: duration)) != nil else { return }
                self.notify(.timerFired(timer, number))
            }
        case .close: connection.withLock { $0 }?.close()
        case .fallAsleep(let number):
            let clocks = AwakeClocks()
            clocksAtSleep.withLock { $0 = clocks }
            tasks.addTask { [commands, report] in
                guard let problem = await commands.sleep() else { return }
                report.noteSleepProblem(problem)
                self.notify(.sleepFailed(number))
                // A gateway that registered this machine meanwhile has not received the problem.
                self.notify(.statusChanged)
            }
        case .noteStayedAwake:
            guard !(clocksAtSleep.withLock { $0 }?.wasSuspended ?? false), !report.hasSleepProblem else { return }
            report.noteSleepProblem(.stayedAwake(times.suspension))
        case .notify(let notice): log(notice, agreed)
        }
    }

    private func send(_ message: RunnerMessage) {
        connection.withLock { $0 }?.send(MessageCodec.text(message))
    }

    private func register() {
        let socket = connection.withLock { $0 }?.socket
        let mac: MACAddress? =
            switch settings.mac {
            case .automatic: LocalHardwareAddress.of(socket?.localAddress)
            case .none: nil
            case .address(let address): address
            }
        let tokens = credential.registration
        send(
            .register(
                Registration(
                    runnerID: settings.id, runnerName: settings.name,
                    machineType: settings.machineType.isEmpty ? nil : settings.machineType, httpPort: httpPort,
                    authToken: tokens.authToken, ownToken: tokens.ownToken, status: report.status(agreed: []),
                    macAddress: mac,
                    extensions: Self.extensions,
                    httpBaseURL: settings.baseURL.isEmpty ? nil : settings.baseURL)))
    }

    private func noteRegistration() {
        do throws(RunnerAgentStartError) {
            try credential.registered()
        } catch {
            logger.error("State file write failed", metadata: [LogKeys.cause: "\(error)"])
        }
    }

    // MARK: Lifetime of one connection

    private func serveConnection(_ number: Int) async {
        var options = WebSocketOptions()
        options.connectTimeout = .seconds(5)
        let opened: WebSocketConnection
        do throws(WebSocketConnectError) {
            opened = try await WebSocketClient.connect(to: address, tls: tls, options: options, on: group)
        } catch {
            return notify(.connectFailed(number, reason: error.description))
        }
        guard !Task.isCancelled else { return opened.socket.abort() }
        connection.withLock { $0 = opened }
        notify(.connected(number))
        for await message in opened.messages { receive(message, number) }
        if Task.isCancelled { opened.socket.abort() }
        connection.withLock { if $0 === opened { $0 = nil } }
        notify(.closed(number, reason: Self.reason(opened.end)))
    }

    private func receive(_ message: WebSocketMessage, _ number: Int) {
        guard case .text(let text) = message else { return }
        do throws(MessageFault) {
            // Messages of unknown types must be ignored.
            guard let message = try MessageCodec.gatewayMessage(text) else { return }
            notify(.received(number, message))
        } catch {
            notify(.unreadable(number, reason: error.description))
        }
    }

    private static func reason(_ end: WebSocketEnd?) -> String {
        switch end {
        case .closedByPeer(_, ""): "the gateway closed the connection"
        case .closedByPeer(_, let reason): "the gateway closed the connection: \(reason)"
        case .closedByUs, nil: "the agent closed the connection"
        case .fault: "the gateway violated the WebSocket protocol"
        case .silent: "heartbeat timeout"
        case .lost: "the connection was lost"
        }
    }

    // MARK: Log messages

    private func log(_ notice: LinkState.Notice, _ agreed: Set<ProtocolExtension>) {
        let gateway: Logger.Metadata = [LogKeys.gateway: "\(settings.gateway)"]
        switch notice {
        case .joined:
            let names = agreed.map(\.rawValue).sorted().joined(separator: ",")
            logger.info("Registered with gateway", metadata: gateway.adding([LogKeys.extensions: "\(names)"]))
        case .refused(let code, let message):
            logger.error(
                "Registration refused",
                metadata: gateway.adding([LogKeys.code: "\(code)", LogKeys.cause: "\(message)"]))
        case .failed(let reason, let delay):
            logger.warning("Gateway unreachable", metadata: gateway.adding(Self.retry(reason, delay)))
        case .lost(let reason, let delay):
            logger.warning("Gateway connection lost", metadata: gateway.adding(Self.retry(reason, delay)))
        case .unreadable(let reason):
            logger.warning(
                "Invalid gateway message", metadata: gateway.adding([LogKeys.cause: "\(reason)"]))
        }
    }

    private static func retry(_ reason: String, _ delay: Duration) -> Logger.Metadata {
        [LogKeys.cause: "\(reason)", LogKeys.retryDelay: "\(Int(delay / .milliseconds(1)))"]
    }

    private static func tls(
        _ settings: Settings.TLS, isNeeded: Bool
    ) throws(RunnerAgentStartError) -> NIOSSLContext? {
        guard isNeeded else { return nil }
        var configuration = OutgoingTLS.configuration(authoritiesFile: settings.caFile)
        if !settings.verify { configuration.certificateVerification = .none }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw RunnerAgentStartError(
                "\(OutgoingTLS.source(of: settings.caFile)) cannot be used: \(NetworkErrorText.of(error))")
        }
    }
}

extension Logger.Metadata {
    fileprivate func adding(_ more: Logger.Metadata) -> Logger.Metadata { merging(more) { _, new in new } }
}
