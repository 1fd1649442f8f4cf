import Synchronization

/// Who may open a runner socket at all: keeps those who cannot or will not register from using up what others need.
/// Asked on every event loop.
final class AgentDoor: Sendable {
    /// Sockets that have not registered, of everybody together and of one address.
    static let maxStrangers = 64
    static let maxStrangersPerAddress = 16
    static let maxSockets = 2_048
    /// Refused registrations of one address: so many at once, then one a second.
    static let failureBurst = 20.0

    fileprivate struct Visitor {
        var strangers = 0
        var failures = 0.0
        var seenAt: ContinuousClock.Instant

        mutating func forgetFailures(now: ContinuousClock.Instant) {
            failures = max(0, failures - (now - seenAt) / .seconds(1))
            seenAt = now
        }
    }

    fileprivate struct State {
        var sockets = 0
        var strangers = 0
        var visitors: [String: Visitor] = [:]
    }

    /// Addresses with failures that have not worn off. What comes beyond is let in unwatched: the other bounds hold.
    private static let maxRemembered = 4_096

    private let state = Mutex(State())

    /// Counts the socket in, unless there are too many.
    func enter(_ address: String, now: ContinuousClock.Instant = .now) -> Bool {
        state.withLock { state in
            var visitor = state.visitors[address] ?? Visitor(seenAt: now)
            visitor.forgetFailures(now: now)
            guard state.sockets < Self.maxSockets, state.strangers < Self.maxStrangers,
                visitor.strangers < Self.maxStrangersPerAddress, visitor.failures < Self.failureBurst
            else { return false }
            state.sockets += 1
            state.strangers += 1
            visitor.strangers += 1
            state.visitors[address] = visitor
            return true
        }
    }

    /// It has registered: it is no stranger any more.
    func registered(_ address: String) {
        state.withLock { $0.strangerHasGone(address) }
    }

    /// Its socket is closed.
    /// - Parameter isStranger: it never registered, which counts against its address.
    func left(_ address: String, isStranger: Bool, now: ContinuousClock.Instant = .now) {
        state.withLock { state in
            state.sockets -= 1
            guard isStranger else { return }
            state.visitors[address]?.forgetFailures(now: now)
            state.visitors[address]?.failures += 1
            state.strangerHasGone(address)
            guard state.visitors.count > Self.maxRemembered else { return }
            // Many at once, so that a flood of addresses does not make every departure a walk through them all.
            for (other, visitor) in state.visitors where visitor.strangers == 0 {
                state.visitors[other] = nil
                if state.visitors.count <= Self.maxRemembered / 2 { break }
            }
        }
    }
}

extension AgentDoor.State {
    fileprivate mutating func strangerHasGone(_ address: String) {
        strangers -= 1
        guard var visitor = visitors[address] else { return }
        visitor.strangers -= 1
        visitors[address] = visitor.strangers == 0 && visitor.failures == 0 ? nil : visitor
    }
}
