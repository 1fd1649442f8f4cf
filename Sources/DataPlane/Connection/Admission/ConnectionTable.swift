import SimpleAICore

/// Counts the client connections of each holder, and decides which idle ones are evicted for a new one. Pure.
///
/// Each address has a share of the capacity (`FairShare`). If a new connection exceeds the share of its address, idle
/// connections of the same address are evicted. If the table is full, the addresses with the most connections lose idle
/// ones first, the longest idle first. Connections with a request in progress are never evicted.
struct ConnectionTable {
    typealias Number = UInt64

    /// Each verdict lists the evicted connections, which the table has already removed.
    enum Decision: Hashable {
        case admitted(Number, evicting: [Number])
        /// The table is full, and no connection may be evicted for this one.
        case exhausted(evicting: [Number])
        /// The address has used up its share, and all its connections have requests in progress.
        case beyondShare(evicting: [Number])

        var evicted: [Number] {
            switch self {
            case .admitted(_, let numbers), .exhausted(let numbers), .beyondShare(let numbers): numbers
            }
        }
    }

    private struct Member {
        /// Nil for a trusted proxy, which may stand for many clients.
        let holder: Peer?
        let activity: ConnectionActivity
    }

    /// Maximum number of connections evicted by one scan, so that not every new connection of a flood scans the table.
    static let maxEvictions = 32

    private let rule: FairShare
    private var members: [Number: Member] = [:]
    private var numbers: [Peer: Set<Number>] = [:]
    private var ledger = ShareLedger<Peer>()
    private var latest: Number = 0

    /// - Parameter capacity: maximum number of connections.
    init(capacity: Int) {
        rule = FairShare(capacity: capacity, minShare: max(1, min(64, capacity / 4)))
    }

    var count: Int { ledger.inUse }

    mutating func open(_ holder: Peer?, _ activity: ConnectionActivity) -> Decision {
        var evicted: [Number] = []
        var decision = ledger.take(for: holder, under: rule)
        if decision != .granted {
            evicted = evict(for: holder, decision)
            if !evicted.isEmpty { decision = ledger.take(for: holder, under: rule) }
        }
        switch decision {
        case .granted: break
        // The evictions stay in effect: the connections were idle, and the next client can use their entries.
        case .exhausted: return .exhausted(evicting: evicted)
        case .beyondShare: return .beyondShare(evicting: evicted)
        }
        latest += 1
        insert(latest, Member(holder: holder, activity: activity))
        return .admitted(latest, evicting: evicted)
    }

    mutating func closed(_ number: Number) { remove(number) }

    /// Counts an evicted connection again: it has received a request in the meantime and remains open.
    mutating func keptOpen(_ number: Number, _ holder: Peer?, _ activity: ConnectionActivity) {
        guard members[number] == nil else { return }
        ledger.add(for: holder)
        insert(number, Member(holder: holder, activity: activity))
    }

    private mutating func insert(_ number: Number, _ member: Member) {
        members[number] = member
        if let holder = member.holder { numbers[holder, default: []].insert(number) }
    }

    private mutating func remove(_ number: Number) {
        guard let member = members.removeValue(forKey: number) else { return }
        ledger.giveBack(of: member.holder)
        guard let holder = member.holder else { return }
        numbers[holder]?.remove(number)
        if numbers[holder]?.isEmpty ?? false { numbers[holder] = nil }
    }

    /// Evicts idle connections: of any address if the table is full, provided that the holder is then admitted;
    /// otherwise only the holder's own, because a holder beyond its share must not cost other addresses connections.
    private mutating func evict(for holder: Peer?, _ decision: FairShare.Decision) -> [Number] {
        var evicted = decision == .exhausted ? idleLongest(among: members.keys) : []
        if let holder, !isGranted(holder, afterEvicting: evicted) {
            evicted = idleLongest(among: numbers[holder] ?? [])
        }
        for number in evicted { remove(number) }
        return evicted
    }

    private func isGranted(_ holder: Peer, afterEvicting evicted: [Number]) -> Bool {
        let own = evicted.count { members[$0]?.holder == holder }
        return rule.decision(on: 1, held: ledger.held(by: holder) - own, inUse: ledger.inUse - evicted.count)
            == .granted
    }

    private func idleLongest(among candidates: some Sequence<Number>) -> [Number] {
        var idle: [(held: Int, since: Int64, number: Number)] = []
        for number in candidates {
            guard let member = members[number], let since = member.activity.idleSince else { continue }
            idle.append((member.holder.map(ledger.held(by:)) ?? 0, since, number))
        }
        idle.sort { ($1.held, $0.since, $0.number) < ($0.held, $1.since, $1.number) }
        return idle.prefix(min(Self.maxEvictions, max(1, idle.count / 8))).map(\.number)
    }
}
