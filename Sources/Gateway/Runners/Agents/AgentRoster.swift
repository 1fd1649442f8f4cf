import RunnerProtocol
import SimpleAICore

/// Which agents are known, what is remembered of each, and which of them are forgotten to make room. Pure.
///
/// Two things are bounded: how many agents there are, and how much they say of themselves. Whoever knows the shared token
/// can make up as many agents as it likes, so both are shared out (`FairShare`) by who vouches for them: an agent with a
/// token of its own stands for itself, and those with the shared token for the address they come from.
///
/// What is gone is forgotten: after an hour if it could come back by itself only and never served a call, after a day if
/// it did serve, after a week if its machine could be woken but never served, after 90 days in any case; and before that
/// when room is needed, first those that never served, then those that cannot be woken, then those gone for longest.
struct AgentRoster {
    typealias Instant = ContinuousClock.Instant

    /// Who vouches for an agent.
    enum Holder: Hashable, Sendable {
        case agent(RunnerID)
        case address(Peer)
        /// A trusted proxy: any number of machines may be behind it.
        case proxy
    }

    enum Refusal: Hashable {
        case tooManyAgents
        /// It says more of itself than there is room for.
        case tooLarge
    }

    struct Outcome: Hashable {
        /// Nil: the agent is known.
        var refusal: Refusal?
        /// Those that had to make room; they are known no more, whatever came of it.
        var forgotten: [RunnerID] = []
    }

    private struct Member {
        let holder: Holder
        var size: Int
        var canBeWoken: Bool
        var hasServed: Bool
        /// Nil while it is connected.
        var goneAt: Instant?

        init(_ holder: Holder, size: Int, canBeWoken: Bool, hasServed: Bool, goneAt: Instant? = nil) {
            self.holder = holder
            self.size = size
            self.canBeWoken = canBeWoken
            self.hasServed = hasServed
            self.goneAt = goneAt
        }
    }

    static let maxAgents = 1_024
    static let maxSize: ByteCount = .mebibytes(16)
    /// Of agents that are gone and never served a call.
    static let maxUnproven = 128

    private static let agents = FairShare(capacity: maxAgents, minShare: 64)
    private static let sizes = FairShare(capacity: maxSize.bytes, minShare: ByteCount.kibibytes(64).bytes)

    private var members: [RunnerID: Member] = [:]
    private var counts = ShareLedger<Holder>()
    private var bytes = ShareLedger<Holder>()

    var count: Int { members.count }
    var size: Int { bytes.inUse }

    func knows(_ id: RunnerID) -> Bool { members[id] != nil }

    /// An agent registers, for the first time or anew.
    /// - Parameter size: of what it says of itself, see `RunnerStatus.retainedSize`.
    mutating func joined(_ id: RunnerID, _ holder: Holder, size: Int, canBeWoken: Bool) -> Outcome {
        let before = members[id]
        if let before { discard(id, before) }
        let outcome = makeRoom(for: holder, size: size)
        guard outcome.refusal == nil else {
            if let before { insert(id, before) }
            return outcome
        }
        insert(id, Member(holder, size: size, canBeWoken: canBeWoken, hasServed: before?.hasServed ?? false))
        return outcome
    }

    /// Known from before a restart; those that were seen last come first.
    /// - Returns: whether there is room for it.
    mutating func remembered(_ id: RunnerID, _ holder: Holder, size: Int, hasServed: Bool, goneAt: Instant) -> Bool {
        guard members[id] == nil, obstacle(to: holder, size: size) == nil else { return false }
        insert(id, Member(holder, size: size, canBeWoken: true, hasServed: hasServed, goneAt: goneAt))
        return true
    }

    /// It says something else of itself.
    /// - Returns: whether there is room for that; otherwise what it said before holds.
    mutating func changed(_ id: RunnerID, size: Int) -> Bool {
        guard let member = members[id] else { return false }
        guard size != member.size else { return true }
        bytes.giveBack(member.size, of: member.holder.shareHolder)
        let verdict = bytes.take(size, for: member.holder.shareHolder, under: Self.sizes)
        guard verdict == .granted else {
            bytes.add(member.size, for: member.holder.shareHolder)
            return false
        }
        members[id]?.size = size
        return true
    }

    /// - Parameter hasServed: whether it has served a call since it joined.
    mutating func left(_ id: RunnerID, hasServed: Bool, now: Instant) {
        members[id]?.goneAt = now
        if hasServed { members[id]?.hasServed = true }
    }

    mutating func forget(_ id: RunnerID) {
        if let member = members[id] { discard(id, member) }
    }

    /// Forgets what has been gone for too long.
    mutating func expire(now: Instant) -> [RunnerID] {
        var forgotten = members.filter { _, member in
            member.goneAt.map { now - $0 >= Self.lifetime(of: member) } ?? false
        }.map(\.key)
        let unproven = members.filter { $0.value.goneAt != nil && !$0.value.hasServed }
        if unproven.count > Self.maxUnproven {
            let oldest = unproven.sorted { Self.isForgotten($0, before: $1) }
            forgotten += oldest.prefix(unproven.count - Self.maxUnproven).map(\.key)
        }
        for id in forgotten { forget(id) }
        return Array(Set(forgotten)).sorted { $0.rawValue < $1.rawValue }
    }

    private static func lifetime(of member: Member) -> Duration {
        switch (member.canBeWoken, member.hasServed) {
        case (false, false): .seconds(3_600)
        case (false, true): .seconds(86_400)
        case (true, false): .seconds(7 * 86_400)
        case (true, true): .seconds(90 * 86_400)
        }
    }

    // MARK: Room

    private mutating func makeRoom(for holder: Holder, size: Int) -> Outcome {
        var outcome = Outcome()
        while let obstacle = obstacle(to: holder, size: size) {
            guard let id = firstToForget(obstacle.isOfHolder ? holder : nil) else {
                outcome.refusal = obstacle.refusal
                break
            }
            forget(id)
            outcome.forgotten.append(id)
        }
        return outcome
    }

    private func obstacle(to holder: Holder, size: Int) -> (refusal: Refusal, isOfHolder: Bool)? {
        let places = counts.verdict(for: holder.shareHolder, under: Self.agents)
        if places != .granted { return (.tooManyAgents, places == .beyondShare) }
        let room = bytes.verdict(on: size, for: holder.shareHolder, under: Self.sizes)
        if room != .granted { return (.tooLarge, room == .beyondShare) }
        return nil
    }

    /// - Parameter holder: whose; nil for anybody's.
    private func firstToForget(_ holder: Holder?) -> RunnerID? {
        members.lazy.filter { $0.value.goneAt != nil && (holder == nil || $0.value.holder == holder) }
            .min { Self.isForgotten($0, before: $1) }?.key
    }

    private static func isForgotten(
        _ left: (key: RunnerID, value: Member), before right: (key: RunnerID, value: Member)
    )
        -> Bool
    {
        let (one, other) = (left.value, right.value)
        if one.hasServed != other.hasServed { return !one.hasServed }
        if one.canBeWoken != other.canBeWoken { return !one.canBeWoken }
        guard let oneGone = one.goneAt, let otherGone = other.goneAt, oneGone != otherGone else {
            return left.key.rawValue < right.key.rawValue
        }
        return oneGone < otherGone
    }

    private mutating func insert(_ id: RunnerID, _ member: Member) {
        members[id] = member
        counts.add(for: member.holder.shareHolder)
        bytes.add(member.size, for: member.holder.shareHolder)
    }

    private mutating func discard(_ id: RunnerID, _ member: Member) {
        members[id] = nil
        counts.giveBack(of: member.holder.shareHolder)
        bytes.giveBack(member.size, of: member.holder.shareHolder)
    }
}

extension AgentRoster.Holder {
    /// Nil: no share is kept of it.
    fileprivate var shareHolder: Self? { self == .proxy ? nil : self }
}

extension RunnerStatus {
    /// About how many bytes are kept of it as long as its agent is known: names of models, in several tables.
    var retainedSize: Int {
        let models = engines.reduce(0) { sum, engine in
            engine.loadedModels.reduce(
                engine.availableModels.reduce(sum) { $0 + Self.entry + $1.id.utf8.count }
            ) { $0 + Self.entry + $1.utf8.count }
        }
        return modelAliases.reduce(models) {
            $0 + Self.entry + $1.key.rawValue.utf8.count + $1.value.rawValue.utf8.count
        }
    }

    /// What a name costs besides its bytes.
    private static let entry = 64
}
