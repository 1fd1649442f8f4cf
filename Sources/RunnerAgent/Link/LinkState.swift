import RunnerProtocol
import SimpleAICore

/// The agent's side of the runner protocol, as a state machine: connects, registers, sends its status, executes commands,
/// and reconnects when the connection is lost.
///
/// Events in (past tense), actions out; no sockets, no clock. `GatewayLink` performs the actions and reports the
/// events. Events of an earlier connection carry its number and have no effect.
struct LinkState: Sendable {
    struct Times: Hashable, Sendable {
        var heartbeat: Duration = .seconds(15)
        /// Timeout of the gateway's response to `register`.
        var registration: Duration = .seconds(10)
        /// How long the suspension may take after the sleep command. If this process still runs then, the machine stayed
        /// awake. Short enough for the agent to reconnect before the gateway stops waiting for the outcome.
        var suspension: Duration = .seconds(15)
        var backoff = Backoff()
    }

    enum Phase: Hashable, Sendable {
        case idle
        case connecting
        case registering
        case joined(Set<ProtocolExtension>)
        /// The connection was lost or could not be opened; a timer runs.
        case waiting
        /// The gateway has commanded this machine to sleep.
        case fallingAsleep
        /// The close frame was sent.
        case leaving
        case ended
    }

    enum Timer: Hashable, Sendable { case retry, heartbeat, registration, suspension }

    enum Command: Hashable, Sendable {
        case load(String)
        case unload(String)
        case sleep
    }

    enum Event: Hashable, Sendable {
        case started
        case connected(Int)
        case connectFailed(Int, reason: String)
        case received(Int, GatewayMessage)
        case unreadable(Int, reason: String)
        case closed(Int, reason: String)
        case timerFired(Timer, Int)
        case statusChanged
        /// The action `perform` is complete, or has failed for the reason `failure`.
        case commandEnded(Int, Command, requestID: String, failure: String?)
        /// The machine could not be put to sleep.
        case sleepFailed(Int)
        /// The machine was suspended, and has resumed.
        case resumed
        case drainBegan
        /// All work is finished; the connection can close.
        case finished
    }

    enum Notice: Hashable, Sendable {
        case joined
        case refused(code: String, message: String)
        case failed(reason: String, retryAfter: Duration)
        case lost(reason: String, retryAfter: Duration)
        case unreadable(reason: String)
    }

    enum Action: Hashable, Sendable {
        case connect(Int)
        case register
        case agree(Set<ProtocolExtension>)
        case sendHeartbeat
        case sendStatusUpdate
        case respond(requestID: String, failure: String?, withStatus: Bool)
        /// Execute the command; for `sleep`, only check that nothing prevents it: `fallAsleep` follows once the connection is
        /// closed.
        case perform(Command, requestID: String, connection: Int)
        case startTimer(Timer, Int, Duration)
        case close
        /// Run the sleep command.
        case fallAsleep(Int)
        /// The machine is still awake, although the sleep command has succeeded or is still running.
        case noteStayedAwake
        case notify(Notice)
    }

    private let times: Times
    private let offers: Set<ProtocolExtension>
    /// Returns a random number from 0 to 1.
    private let chance: @Sendable () -> Double
    private(set) var phase: Phase = .idle
    /// Number of connections and connection attempts.
    private(set) var number = 0
    /// Number of consecutive failures; reset when a registration has lasted for one heartbeat interval.
    private var failures = 0
    private var isDraining = false
    private var runningCommands = 0

    /// Maximum number of concurrent commands; a correct gateway sends one after the other.
    private static let maxCommands = 16

    /// - Parameter offers: the extensions that the agent supports.
    init(times: Times, offers: Set<ProtocolExtension>, chance: @escaping @Sendable () -> Double) {
        self.times = times
        self.offers = offers
        self.chance = chance
    }

    var isJoined: Bool { if case .joined = phase { true } else { false } }

    var agreed: Set<ProtocolExtension> { if case .joined(let extensions) = phase { extensions } else { [] } }

    mutating func handle(_ event: Event) -> [Action] {
        // Includes commands that an earlier connection received.
        if case .commandEnded = event { runningCommands -= 1 }
        switch (phase, event) {
        case (.ended, _): return []
        case (.leaving, .closed(number, _)):
            phase = .ended
            return []
        case (.leaving, _): return []
        case (.registering, .finished), (.joined, .finished):
            phase = .leaving
            return [.close]
        case (_, .finished):
            phase = .ended
            return []
        case (_, .drainBegan): return drain()

        case (.idle, .started): return connect()
        case (.connecting, .connected(number)):
            phase = .registering
            return [.register, .startTimer(.registration, number, times.registration)]
        case (.connecting, .connectFailed(number, let reason)): return retry { .failed(reason: reason, retryAfter: $0) }

        case (.registering, .received(number, let message)): return registering(message)
        case (.registering, .timerFired(.registration, number)):
            return [.close] + retry { .failed(reason: "no response to the registration", retryAfter: $0) }
        case (.joined(let extensions), .received(number, let message)): return execute(message, extensions)
        case (.registering, .unreadable(number, let reason)), (.joined, .unreadable(number, let reason)):
            return [.notify(.unreadable(reason: reason))]
        case (.registering, .closed(number, let reason)), (.joined, .closed(number, let reason)):
            return retry { .lost(reason: reason, retryAfter: $0) }

        case (.joined, .timerFired(.heartbeat, number)):
            // An agent that is disconnected repeatedly, because another machine has the same id, never reaches
            // this point.
            failures = 0
            return [.sendHeartbeat, .startTimer(.heartbeat, number, times.heartbeat)]
        case (.joined, .statusChanged): return [.sendStatusUpdate]
        case (.joined, .commandEnded(number, let command, let requestID, let failure)):
            return commandEnded(command, requestID, failure)

        case (.waiting, .timerFired(.retry, number)): return connect()
        // The socket closes before the machine sleeps; otherwise the gateway would consider the machine awake.
        case (.fallingAsleep, .closed(number, _)):
            return [.fallAsleep(number), .startTimer(.suspension, number, times.suspension)]
        case (.fallingAsleep, .timerFired(.suspension, number)): return [.noteStayedAwake] + connect()
        case (.fallingAsleep, .sleepFailed(number)): return connect()
        case (.waiting, .resumed), (.fallingAsleep, .resumed):
            failures = 0
            return connect()
        // The suspension has broken the connection, but the socket has not detected that yet.
        case (.connecting, .resumed), (.registering, .resumed), (.joined, .resumed):
            failures = 0
            return [.close] + connect()
        default: return []
        }
    }

    // MARK: Steps

    private mutating func connect() -> [Action] {
        guard !isDraining else { return [] }
        number += 1
        phase = .connecting
        return [.connect(number)]
    }

    private mutating func retry(atLeast: Duration = .zero, _ notice: (Duration) -> Notice) -> [Action] {
        failures += 1
        phase = .waiting
        let delay = max(times.backoff.delay(failures: failures, chance: chance()), atLeast)
        return [.notify(notice(delay))] + (isDraining ? [] : [.startTimer(.retry, number, delay)])
    }

    private mutating func registering(_ message: GatewayMessage) -> [Action] {
        switch message {
        case .registerAck(_, let extensions):
            let agreed = extensions.intersection(offers)
            phase = .joined(agreed)
            // The registration contained no extension fields, and the status may have changed since.
            return [
                .agree(agreed), .notify(.joined), .sendStatusUpdate,
                .startTimer(.heartbeat, number, times.heartbeat),
            ]
        case .error(let code, let message):
            // Frequent retries do not make a wrong token valid.
            let minDelay = code == .authFailed ? times.backoff.limit / 2 : .zero
            return [.notify(.refused(code: code.rawValue, message: message)), .close]
                + retry(atLeast: minDelay) { .failed(reason: "registration refused", retryAfter: $0) }
        default: return []
        }
    }

    private mutating func execute(_ message: GatewayMessage, _ extensions: Set<ProtocolExtension>) -> [Action] {
        switch message {
        case .loadModel(let model, let requestID): return startCommand(.load(model), requestID)
        case .unloadModel(let model, let requestID): return startCommand(.unload(model), requestID)
        case .sleep(let requestID): return extensions.contains(.sleep) ? startCommand(.sleep, requestID) : []
        case .requestStatus(let requestID): return [.respond(requestID: requestID, failure: nil, withStatus: true)]
        // Version 1 has no response to a ping; a heartbeat serves as one.
        case .ping: return [.sendHeartbeat]
        case .error(let code, let message): return [.notify(.refused(code: code.rawValue, message: message))]
        case .registerAck: return []
        }
    }

    private mutating func startCommand(_ command: Command, _ requestID: String) -> [Action] {
        guard !isDraining else {
            return [.respond(requestID: requestID, failure: "the agent is shutting down", withStatus: false)]
        }
        guard runningCommands < Self.maxCommands else {
            return [.respond(requestID: requestID, failure: "too many concurrent commands", withStatus: false)]
        }
        runningCommands += 1
        return [.perform(command, requestID: requestID, connection: number)]
    }

    private mutating func commandEnded(_ command: Command, _ requestID: String, _ failure: String?) -> [Action] {
        guard command == .sleep, failure == nil else {
            return [.respond(requestID: requestID, failure: failure, withStatus: true)]
        }
        phase = .fallingAsleep
        return [.respond(requestID: requestID, failure: nil, withStatus: false), .close]
    }

    private mutating func drain() -> [Action] {
        isDraining = true
        return isJoined ? [.sendStatusUpdate] : []
    }
}
