import RunnerProtocol
import SimpleAICore

/// One agent's connection, from its first message to its end: events in, actions out. No socket, clock or logger.
///
/// Invariants:
/// - only a registration that the rules admit makes a session joined, and only once;
/// - `left` is returned exactly once for a session that has joined, and never for another;
/// - after `close` no action is returned.
struct RunnerSession {
    enum Action: Hashable {
        case send(GatewayMessage)
        /// The rules admit the registration; the registry checks its limits, and calls `joined` or `refused`.
        case join(Registration, AgentAddress)
        case report(RunnerStatus)
        case commandResponse(CommandResponse)
        /// The session had joined and has ended.
        case left
        case close
        case countError(ProtocolErrorCode)
    }

    private enum Phase: Hashable {
        case opening
        /// Waiting for the registry.
        case joining
        case joined
        case ended
    }

    /// Number of malformed messages in a row that end a session; some versions of agents occasionally send one.
    static let maxFaultsInARow = 10

    private let rules: AgentRules
    private let peer: String
    private var phase = Phase.opening
    private var lastReceivedAt: ContinuousClock.Instant
    private var faultsInARow = 0
    /// When a ping was sent; nil once the agent has sent a message.
    private var pingSentAt: ContinuousClock.Instant?

    init(rules: AgentRules, peer: String, now: ContinuousClock.Instant) {
        self.rules = rules
        self.peer = peer
        lastReceivedAt = now
    }

    var isJoined: Bool { phase == .joined }

    /// When `timePassed` must be called.
    var nextDeadline: ContinuousClock.Instant? {
        switch phase {
        case .opening: lastReceivedAt.advanced(by: AgentRules.registrationTimeout)
        case .joined:
            // However late this timer fires, for example after this host was suspended, the agent gets its full time to
            // respond.
            if let pingSentAt {
                max(lastReceivedAt.advanced(by: rules.runnerTimeout), pingSentAt.advanced(by: minResponseTime))
            } else {
                lastReceivedAt.advanced(by: rules.runnerTimeout / 2)
            }
        case .joining, .ended: nil
        }
    }

    private var minResponseTime: Duration { min(rules.runnerTimeout / 4, .seconds(10)) }

    // MARK: Events

    /// - Parameter message: nil for an unknown type.
    mutating func messageArrived(_ message: RunnerMessage?, now: ContinuousClock.Instant) -> [Action] {
        switch (phase, message) {
        case (.opening, .register(let registration)): return register(registration)
        case (.opening, _): return refuse(AgentRefusal(.protocolError, "The first message must be register."))
        case (.joined, .register):
            return reportViolation("Already registered; open another connection to register again.")
        case (.joined, let message):
            lastReceivedAt = now
            pingSentAt = nil
            faultsInARow = 0
            switch message {
            case .heartbeat(let status)?, .statusUpdate(let status)?: return [.report(status)]
            case .commandResponse(let response)?:
                return (response.status.map { [.report($0)] } ?? []) + [.commandResponse(response)]
            case .register?, nil: return []
            }
        case (.joining, _), (.ended, _): return []
        }
    }

    /// A malformed message.
    mutating func faultArrived(_ fault: MessageFault, now: ContinuousClock.Instant) -> [Action] {
        let refusal = AgentRefusal(.parseError, "\(fault)")
        switch phase {
        case .opening: return refuse(refusal)
        case .joined:
            faultsInARow += 1
            let actions: [Action] = [.countError(.parseError), .send(.error(.parseError, message: refusal.message))]
            return faultsInARow < Self.maxFaultsInARow ? actions : actions + end()
        case .joining, .ended: return []
        }
    }

    mutating func binaryArrived() -> [Action] {
        let message = "Unexpected binary frame; messages are text frames."
        switch phase {
        case .opening: return refuse(AgentRefusal(.protocolError, message))
        case .joined: return reportViolation(message)
        case .joining, .ended: return []
        }
    }

    /// The registry has accepted the registration.
    mutating func joined(
        _ id: RunnerID, extensions: Set<ProtocolExtension>, now: ContinuousClock.Instant
    ) -> [Action] {
        guard phase == .joining else { return [] }
        phase = .joined
        lastReceivedAt = now
        return [.send(.registerAck(id, extensions: extensions))]
    }

    mutating func refused(_ refusal: AgentRefusal) -> [Action] { refuse(refusal) }

    /// The same runner has registered on another connection: messages on this one are ignored.
    mutating func replaced() -> [Action] {
        guard phase != .ended else { return [] }
        phase = .ended
        return [.close]
    }

    mutating func timePassed(now: ContinuousClock.Instant) -> [Action] {
        guard let deadline = nextDeadline, now >= deadline else { return [] }
        switch phase {
        case .opening:
            return refuse(AgentRefusal(.timeout, "No register message within \(AgentRules.registrationTimeout)."))
        case .joined where pingSentAt != nil: return end()
        case .joined:
            // Any message from the agent counts as its response.
            pingSentAt = now
            return [.send(.ping(timestamp: 0))]
        case .joining, .ended: return []
        }
    }

    /// The socket is closed.
    mutating func closed() -> [Action] {
        let wasJoined = phase == .joined
        phase = .ended
        return wasJoined ? [.left] : []
    }

    // MARK: Ends

    private mutating func register(_ registration: Registration) -> [Action] {
        do throws(AgentRefusal) {
            let address = try rules.admit(registration, from: peer)
            phase = .joining
            return [.join(registration, address)]
        } catch {
            return refuse(error)
        }
    }

    private mutating func refuse(_ refusal: AgentRefusal) -> [Action] {
        guard phase == .opening || phase == .joining else { return [] }
        phase = .ended
        return [
            .countError(refusal.code), .send(.error(refusal.code, message: refusal.message)), .close,
        ]
    }

    private mutating func reportViolation(_ message: String) -> [Action] {
        [.countError(.protocolError), .send(.error(.protocolError, message: message))] + end()
    }

    private mutating func end() -> [Action] {
        let wasJoined = phase == .joined
        phase = .ended
        return (wasJoined ? [.left] : []) + [.close]
    }
}
