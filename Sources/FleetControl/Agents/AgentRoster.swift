import RunnerProtocol
import SimpleAICore

/// The known agents: limits their number and the size of the data that they report, and decides which disconnected ones
/// are forgotten. Pure.
///
/// One client with the shared token can register any number of agents, so both limits are shared (`FairShare`) among
/// holders: an agent with its own token is a holder, agents with the shared token have their address as holder.
///
/// Disconnected agents are forgotten after an hour if the machine cannot be woken and never served a call, after a day if
/// it cannot be woken but has served, after a week if it can be woken but never served, otherwise after 90 days. At a limit
/// they are forgotten earlier: first agents that never served, then agents that cannot be woken, then the agents that have
/// been disconnected longest.
struct AgentRoster {
    typealias Instant = ContinuousClock.Instant

    /// The holder whose share an agent counts against.
    enum Holder: Hashable, Sendable {
        case agent(RunnerID)
        case address(Peer)
        /// A trusted proxy, which may stand for any number of machines.
        case proxy
    }

    enum Refusal: Hashable {
        case tooManyAgents
        /// The data that the agent reports exceeds the memory limit.
        case tooLarge
    }

    struct Outcome: Hashable {
        /// Nil if the agent is accepted.
        var refusal: Refusal?
        /// Agents that have been forgotten to make room, even if this agent is refused.
        var forgotten: [RunnerID] = []
    }

    private struct Member {
        let holder: Holder
        var size: Int
        var canBeWoken: Bool
        var hasServed: Bool
        /// Nil while it is connected.
        var disconnectedAt: Instant?

        init(_ holder: Holder, size: Int, canBeWoken: Bool, hasServed: Bool, disconnectedAt: Instant? = nil) {
            self.holder = holder
            self.size = size
            self.canBeWoken = canBeWoken
            self.hasServed = hasServed
            self.disconnectedAt = disconnectedAt
        }
    }

    static let maxAgents = 1_024
    static let maxSize: ByteCount = .mebibytes(16)
    /// Maximum number of disconnected agents that never served a call.
    static let maxUnproven = 128

    private static let agents = FairShare(capacity: maxAgents, minShare: 64)
    private static let sizes = FairShare(capacity: maxSize.bytes, minShare: ByteCount.kibibytes(64).bytes)

    private var members: [RunnerID: Member] = [:]
    private var counts = ShareLedger<Holder>()
    private var bytes = ShareLedger<Holder>()

    var count: Int { members.count }
    var size: Int { bytes.inUse }

    func knows(_ id: RunnerID) -> Bool { members[id] != nil }

    /// An agent registers, for the first time or again.
    /// - Parameter size: of its reported data in bytes: `RunnerStatus.retainedSize`.
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

    /// Restores an agent after a restart. Must be called for the most recently connected agents first.
    /// - Returns: whether the agent is within the limits.
    mutating func remembered(_ id: RunnerID, _ holder: Holder, size: Int, hasServed: Bool, disconnectedAt: Instant)
        -> Bool
    {
        guard members[id] == nil, limitExceeded(by: holder, size: size) == nil else { return false }
        insert(id, Member(holder, size: size, canBeWoken: true, hasServed: hasServed, disconnectedAt: disconnectedAt))
        return true
    }

    /// The agent's reported data has changed.
    /// - Returns: whether it is within the limits; otherwise the previous data remains in effect.
    mutating func changed(_ id: RunnerID, size: Int) -> Bool {
        guard let member = members[id] else { return false }
        guard size != member.size else { return true }
        bytes.giveBack(member.size, of: member.holder.shareHolder)
        let decision = bytes.take(size, for: member.holder.shareHolder, under: Self.sizes)
        guard decision == .granted else {
            bytes.add(member.size, for: member.holder.shareHolder)
            return false
        }
        members[id]?.size = size
        return true
    }

    /// - Parameter hasServed: whether the agent has served a call since it joined.
    mutating func left(_ id: RunnerID, hasServed: Bool, now: Instant) {
        members[id]?.disconnectedAt = now
        if hasServed { members[id]?.hasServed = true }
    }

    mutating func forget(_ id: RunnerID) {
        if let member = members[id] { discard(id, member) }
    }

    /// Forgets agents that have been disconnected too long.
    mutating func expire(now: Instant) -> [RunnerID] {
        var forgotten = members.filter { _, member in
            member.disconnectedAt.map { now - $0 >= Self.lifetime(of: member) } ?? false
        }.map(\.key)
        let unproven = members.filter { $0.value.disconnectedAt != nil && !$0.value.hasServed }
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

    // MARK: Limits

    private mutating func makeRoom(for holder: Holder, size: Int) -> Outcome {
        var outcome = Outcome()
        while let exceeded = limitExceeded(by: holder, size: size) {
            guard let id = firstToForget(exceeded.isShareOfHolder ? holder : nil) else {
                outcome.refusal = exceeded.refusal
                break
            }
            forget(id)
            outcome.forgotten.append(id)
        }
        return outcome
    }

    /// The limit that another agent with this holder and size would exceed; nil if it is within the limits.
    private func limitExceeded(by holder: Holder, size: Int) -> (refusal: Refusal, isShareOfHolder: Bool)? {
        let places = counts.decision(for: holder.shareHolder, under: Self.agents)
        if places != .granted { return (.tooManyAgents, places == .beyondShare) }
        let room = bytes.decision(on: size, for: holder.shareHolder, under: Self.sizes)
        if room != .granted { return (.tooLarge, room == .beyondShare) }
        return nil
    }

    /// The disconnected agent to forget next.
    /// - Parameter holder: considers only the agents of this holder; nil for all agents.
    private func firstToForget(_ holder: Holder?) -> RunnerID? {
        members.lazy.filter { $0.value.disconnectedAt != nil && (holder == nil || $0.value.holder == holder) }
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
        guard let oneGone = one.disconnectedAt, let otherGone = other.disconnectedAt, oneGone != otherGone else {
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
    /// The holder in the ledgers; nil for a proxy, which has no share.
    fileprivate var shareHolder: Self? { self == .proxy ? nil : self }
}

extension RunnerStatus {
    /// Approximate number of bytes that are kept while its agent is known: names of models, in several tables.
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

    /// Overhead of each name, in bytes.
    private static let entry = 64
}
