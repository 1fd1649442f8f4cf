import RunnerProtocol
import SimpleAICore

/// One agent's connection, from its first message to its end: events in, actions out. No socket, clock or logger.
///
/// What always holds:
/// - nothing but a registration that the rules admit makes a session joined, and only once;
/// - `left` comes out exactly once for a session that has joined, and never for another;
/// - after `close` nothing comes out any more.
struct RunnerSession {
    enum Action: Hashable {
        case send(GatewayMessage)
        /// The rules admit it; whether there is room is the registry's to say, with `joined` or `refused`.
        case join(Registration, AgentAddress)
        case report(RunnerStatus)
        case answered(CommandResponse)
        /// It was joined, and is no more.
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

    /// A registered agent may say something unreadable now and then, as versions in the field do; not all the time.
    static let maxFaultsInARow = 10

    private let rules: AgentRules
    private let peer: String
    private var phase = Phase.opening
    private var lastHeard: ContinuousClock.Instant
    private var faultsInARow = 0
    /// When it was asked for a sign of life; nil while it has given one.
    private var askedAt: ContinuousClock.Instant?

    init(rules: AgentRules, peer: String, now: ContinuousClock.Instant) {
        self.rules = rules
        self.peer = peer
        lastHeard = now
    }

    var isJoined: Bool { phase == .joined }

    /// When `timePassed` is to be called.
    var nextDeadline: ContinuousClock.Instant? {
        switch phase {
        case .opening: lastHeard.advanced(by: AgentRules.registrationTime)
        case .joined:
            // However long nobody looked, because this host was suspended: it has the time to answer.
            if let askedAt {
                max(lastHeard.advanced(by: rules.runnerTimeout), askedAt.advanced(by: minAnswerTime))
            } else {
                lastHeard.advanced(by: rules.runnerTimeout / 2)
            }
        case .joining, .ended: nil
        }
    }

    private var minAnswerTime: Duration { min(rules.runnerTimeout / 4, .seconds(10)) }

    // MARK: Events

    /// - Parameter message: nil for a type that is not known here.
    mutating func messageArrived(_ message: RunnerMessage?, now: ContinuousClock.Instant) -> [Action] {
        switch (phase, message) {
        case (.opening, .register(let registration)): return register(registration)
        case (.opening, _): return refuse(AgentRefusal(.protocolError, "The first message has to be register."))
        case (.joined, .register): return breach("You have registered already; open another connection for that.")
        case (.joined, let message):
            lastHeard = now
            askedAt = nil
            faultsInARow = 0
            switch message {
            case .heartbeat(let status)?, .statusUpdate(let status)?: return [.report(status)]
            case .commandResponse(let response)?:
                return (response.status.map { [.report($0)] } ?? []) + [.answered(response)]
            case .register?, nil: return []
            }
        case (.joining, _), (.ended, _): return []
        }
    }

    /// A text that is no message.
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
        let message = "Messages are text frames; this was a binary one."
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

    /// The same runner has registered on another connection: what comes over this one means nothing any more.
    mutating func replaced() -> [Action] {
        guard phase != .ended else { return [] }
        phase = .ended
        return [.close]
    }

    mutating func timePassed(now: ContinuousClock.Instant) -> [Action] {
        guard let deadline = nextDeadline, now >= deadline else { return [] }
        switch phase {
        case .opening:
            return refuse(AgentRefusal(.timeout, "No register message came within \(AgentRules.registrationTime)."))
        case .joined where askedAt != nil: return end()
        case .joined:
            // Version 1 answers with whatever it has to say; that is all this asks for.
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
