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
        /// The rules admit the registration; the registry decides whether there is room, with `joined` or `refused`.
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

    /// A registered agent may occasionally send an unreadable message, as some versions do, but not this many in a row.
    static let maxFaultsInARow = 10

    private let rules: AgentRules
    private let peer: String
    private var phase = Phase.opening
    private var lastHeard: ContinuousClock.Instant
    private var faultsInARow = 0
    /// When a heartbeat was requested; nil once the agent has sent something.
    private var askedAt: ContinuousClock.Instant?

    init(rules: AgentRules, peer: String, now: ContinuousClock.Instant) {
        self.rules = rules
        self.peer = peer
        lastHeard = now
    }

    var isJoined: Bool { phase == .joined }

    /// When `timePassed` has to be called.
    var nextDeadline: ContinuousClock.Instant? {
        switch phase {
        case .opening: lastHeard.advanced(by: AgentRules.registrationTime)
        case .joined:
            // However late this timer fires, for example after this host was suspended, the agent gets its full time to
            // respond.
            if let askedAt {
                max(lastHeard.advanced(by: rules.runnerTimeout), askedAt.advanced(by: minResponseTime))
            } else {
                lastHeard.advanced(by: rules.runnerTimeout / 2)
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
        case (.joined, .register): return breach("Already registered; open another connection to register again.")
        case (.joined, let message):
            lastHeard = now
            askedAt = nil
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
            let told: [Action] = [.countError(.parseError), .send(.error(.parseError, message: refusal.message))]
            return faultsInARow < Self.maxFaultsInARow ? told : told + end()
        case .joining, .ended: return []
        }
    }

    mutating func binaryArrived() -> [Action] {
        let message = "Unexpected binary frame; messages are text frames."
        switch phase {
        case .opening: return refuse(AgentRefusal(.protocolError, message))
        case .joined: return breach(message)
        case .joining, .ended: return []
        }
    }

    /// The registry has room for it.
    mutating func joined(
        _ id: RunnerID, extensions: Set<ProtocolExtension>, now: ContinuousClock.Instant
    ) -> [Action] {
        guard phase == .joining else { return [] }
        phase = .joined
        lastHeard = now
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
            return refuse(AgentRefusal(.timeout, "No register message within \(AgentRules.registrationTime)."))
        case .joined where askedAt != nil: return end()
        case .joined:
            // An agent of version 1 responds with any message, which is all that this requests.
            askedAt = now
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

    private mutating func breach(_ message: String) -> [Action] {
        [.countError(.protocolError), .send(.error(.protocolError, message: message))] + end()
    }

    private mutating func end() -> [Action] {
        let wasJoined = phase == .joined
        phase = .ended
        return (wasJoined ? [.left] : []) + [.close]
    }
}
