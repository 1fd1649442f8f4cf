import SimpleAICore

/// The connections of clients: how many, of whom, and which of them make room for others. Pure.
///
/// An address has its share (`FairShare`). When a new connection finds no place, those make room that do nothing: of the
/// same address if that one has its share, otherwise of the addresses that have most, and of those the one that has been
/// idle for longest. Connections with a request under way are never touched.
struct ConnectionTable {
    typealias Number = UInt64

    enum Verdict: Hashable {
        /// With these told to leave. They do not count any more.
        case admitted(Number, evicting: [Number])
        /// Every place is taken by a request under way.
        case exhausted
        /// The address has its share, all of it with requests under way.
        case beyondShare
    }

    private struct Member {
        /// Nil for a trusted proxy, behind which many may be.
        let holder: Peer?
        let activity: ConnectionActivity
    }

    /// Evicted together when there is no place, so that a flood does not make every arrival a walk through them all.
    static let maxEvictions = 32

    private let rule: FairShare
    private var members: [Number: Member] = [:]
    private var numbers: [Peer: Set<Number>] = [:]
    private var ledger = ShareLedger<Peer>()
    private var latest: Number = 0

    /// - Parameter capacity: connections at the same time.
    init(capacity: Int) {
        rule = FairShare(capacity: capacity, minShare: max(1, min(64, capacity / 4)))
    }

    var count: Int { ledger.inUse }

    mutating func open(_ holder: Peer?, _ activity: ConnectionActivity) -> Verdict {
        var evicted: [Number] = []
        var verdict = ledger.take(for: holder, under: rule)
        if verdict != .granted {
            evicted = evict(for: holder, verdict)
            if !evicted.isEmpty { verdict = ledger.take(for: holder, under: rule) }
        }
        switch verdict {
        case .granted: break
        // What was told to leave leaves all the same: it was idle, and somebody else will ask.
        case .exhausted: return .exhausted
        case .beyondShare: return .beyondShare
        }
        latest += 1
        insert(latest, Member(holder: holder, activity: activity))
        return .admitted(latest, evicting: evicted)
    }

    mutating func closed(_ number: Number) { remove(number) }

    /// One that was told to leave has got a request in the meantime, and stays.
    mutating func stayed(_ number: Number, _ holder: Peer?, _ activity: ConnectionActivity) {
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

    private mutating func evict(for holder: Peer?, _ verdict: FairShare.Verdict) -> [Number] {
        let candidates: any Sequence<Number> =
            if verdict == .beyondShare, let holder { numbers[holder] ?? [] } else { Array(members.keys) }
        var idle: [(held: Int, since: Int64, number: Number)] = []
        for number in candidates {
            guard let member = members[number], let since = member.activity.idleSince else { continue }
            idle.append((member.holder.map(ledger.held(by:)) ?? 0, since, number))
        }
        idle.sort { ($1.held, $0.since, $0.number) < ($0.held, $1.since, $1.number) }
        let evicted = idle.prefix(min(Self.maxEvictions, max(1, idle.count / 8))).map(\.number)
        for number in evicted { remove(number) }
        return evicted
    }
}
