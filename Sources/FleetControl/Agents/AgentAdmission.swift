import SimpleAICore
import Synchronization

/// Admits sockets on which an agent may register: prevents clients that do not register from using up the sockets that
/// agents need. Safe to use on any event loop.
///
/// An unregistered socket may belong to any client, so at the limit the one that has been silent longest is evicted for a
/// new one. Agents register immediately, before they could be evicted. Each address has a share of the limit (`FairShare`;
/// an IPv6 network counts as one address). Addresses from which an agent has registered recently have a separate limit,
/// which unknown addresses cannot use up.
final class AgentAdmission: Sendable {
    typealias Instant = ContinuousClock.Instant

    enum Decision: Hashable, Sendable {
        /// Admitted; the socket with this number is evicted for it.
        case admitted(evicting: UInt64?)
        case refused
    }

    /// Maximum number of unregistered sockets of known addresses, and separately of all others.
    static let maxUnregistered = 256
    /// Number of sockets that every address may have, however many addresses there are.
    static let minShare = 16
    /// Maximum number of sockets, registered or not.
    static let maxSockets = 2_048
    /// Minimum time before a silent socket can be evicted.
    static let minSilence: Duration = .seconds(1)
    /// Failed registrations that one address is allowed: a burst of this size, then one per second; ten times the burst for
    /// a known address, because other machines there may be configured correctly.
    static let failureBurst = 20.0
    /// Maximum number of remembered addresses of agents.
    static let maxKnownAddresses = 4_096

    private let state = Mutex(AgentAdmissionState())

    /// Admits a new socket, or refuses it.
    /// - Parameters:
    ///   - holder: its address; nil for a trusted proxy that states no client address.
    func enter(_ number: UInt64, from holder: Peer?, now: Instant = .now) -> Decision {
        state.withLock { $0.enter(number, from: holder, now: now) }
    }

    /// An agent has registered on the socket, which stops counting as unregistered. If the socket has been evicted meanwhile,
    /// only the agent's address is recorded: the socket closes.
    func registered(_ number: UInt64) {
        state.withLock { $0.registered(number) }
    }

    /// Records an address from which an agent registered before a restart.
    func remember(_ holder: Peer) {
        state.withLock { $0.remember(holder) }
    }

    /// The socket is closed.
    func left(_ number: UInt64, now: Instant = .now) {
        state.withLock { $0.left(number, now: now) }
    }
}

/// The state of `AgentAdmission`. Pure.
struct AgentAdmissionState {
    typealias Instant = AgentAdmission.Instant

    private struct Socket {
        enum Standing: Hashable {
            case unregistered(isOfKnownAddress: Bool)
            case registered
            /// Another socket has its place; it has not closed yet.
            case evicted
        }

        let holder: Peer?
        let since: Instant
        var standing: Standing
    }

    private static let rule = FairShare(capacity: AgentAdmission.maxUnregistered, minShare: AgentAdmission.minShare)

    private var sockets: [UInt64: Socket] = [:]
    private var unknownHolders = ShareLedger<Peer>()
    private var knownHolders = ShareLedger<Peer>()
    /// Numbers of the sockets that have not registered; ascending.
    private var unregistered: Set<UInt64> = []
    private var failures = AddressFailures()
    /// Two generations: a full younger one becomes the older, and the previous older one is dropped.
    private var known: Set<Peer> = []
    private var olderKnown: Set<Peer> = []

    var count: Int { sockets.count }
    /// Number of sockets that count against the limits of unregistered sockets.
    var unregisteredCount: Int { unknownHolders.inUse + knownHolders.inUse }

    mutating func enter(_ number: UInt64, from holder: Peer?, now: Instant) -> AgentAdmission.Decision {
        let isKnown = holder.map { known.contains($0) || olderKnown.contains($0) } ?? true
        let burst = isKnown ? 10 * AgentAdmission.failureBurst : AgentAdmission.failureBurst
        guard holder.map({ failures.count(of: $0, now: now) < burst }) ?? true else { return .refused }
        var evicted: UInt64?
        var decision = take(holder, isKnown)
        if sockets.count >= AgentAdmission.maxSockets || decision != .granted {
            let ofHolder = decision == .beyondShare ? holder : nil
            if decision == .granted { giveBack(holder, isKnown) }
            guard let oldest = oldestSilent(of: ofHolder, isKnown, now) else { return .refused }
            endUnregistered(oldest, as: .evicted)
            evicted = oldest
            decision = take(holder, isKnown)
            guard decision == .granted else { return .refused }
        }
        sockets[number] = Socket(holder: holder, since: now, standing: .unregistered(isOfKnownAddress: isKnown))
        unregistered.insert(number)
        return .admitted(evicting: evicted)
    }

    mutating func registered(_ number: UInt64) {
        guard let socket = sockets[number] else { return }
        if let holder = socket.holder { remember(holder) }
        endUnregistered(number, as: .registered)
    }

    mutating func remember(_ holder: Peer) {
        guard !known.contains(holder) else { return }
        if known.count >= AgentAdmission.maxKnownAddresses / 2 {
            olderKnown = known
            known = []
        }
        known.insert(holder)
    }

    mutating func left(_ number: UInt64, now: Instant) {
        endUnregistered(number, as: .evicted)
        guard let socket = sockets.removeValue(forKey: number), socket.standing != .registered else { return }
        if let holder = socket.holder { failures.failed(holder, now: now) }
    }

    /// Stops counting the socket as unregistered, once; its entry remains until it has closed.
    private mutating func endUnregistered(_ number: UInt64, as standing: Socket.Standing) {
        guard let socket = sockets[number], case .unregistered(let isKnown) = socket.standing else { return }
        sockets[number]?.standing = standing
        unregistered.remove(number)
        giveBack(socket.holder, isKnown)
    }

    /// The unregistered socket that has been silent longest and may be evicted: of the given address, or else of the
    /// address with the most sockets.
    private func oldestSilent(of holder: Peer?, _ isKnown: Bool, _ now: Instant) -> UInt64? {
        let ledger = isKnown ? knownHolders : unknownHolders
        var best: (held: Int, number: UInt64)?
        for number in unregistered {
            guard let socket = sockets[number], socket.standing == .unregistered(isOfKnownAddress: isKnown),
                holder == nil || socket.holder == holder, now - socket.since >= AgentAdmission.minSilence
            else { continue }
            let held = socket.holder.map(ledger.held(by:)) ?? 0
            if best.map({ (held, $0.number) > ($0.held, number) }) ?? true { best = (held, number) }
        }
        return best?.number
    }

    private mutating func take(_ holder: Peer?, _ isKnown: Bool) -> FairShare.Decision {
        isKnown ? knownHolders.take(for: holder, under: Self.rule) : unknownHolders.take(for: holder, under: Self.rule)
    }

    private mutating func giveBack(_ holder: Peer?, _ isKnown: Bool) {
        if isKnown { knownHolders.giveBack(of: holder) } else { unknownHolders.giveBack(of: holder) }
    }
}

/// Failed registrations by address; one per second expires. Bounded.
private struct AddressFailures {
    private struct RecentFailures {
        var count = 0.0
        var seenAt: ContinuousClock.Instant
    }

    private static let capacity = 4_096
    private var debts: [Peer: RecentFailures] = [:]
    private var olderDebts: [Peer: RecentFailures] = [:]

    func count(of peer: Peer, now: ContinuousClock.Instant) -> Double {
        guard let debt = debts[peer] ?? olderDebts[peer] else { return 0 }
        return max(0, debt.count - (now - debt.seenAt) / .seconds(1))
    }

    mutating func failed(_ peer: Peer, now: ContinuousClock.Instant) {
        let count = count(of: peer, now: now)
        if debts.count >= Self.capacity / 2, debts[peer] == nil {
            olderDebts = debts
            debts = [:]
        }
        debts[peer] = RecentFailures(count: count + 1, seenAt: now)
    }
}
