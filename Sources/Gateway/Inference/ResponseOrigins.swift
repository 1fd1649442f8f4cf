import NIOCore
import SimpleAICore
import Synchronization

/// Which runner made which response, for callers who go on with one (`previous_response_id` of `/v1/responses`): engines
/// keep responses to themselves, so that only the runner that made one can go on with it.
///
/// Bounded, and forgetful: two generations, of which the older one is dropped when the younger is full or old. What was
/// noted last is remembered for at least one `lifetime`, as long as there are no more than `generationSize` of them.
final class ResponseOrigins: Sendable {
    private struct Origin {
        let runner: RunnerID
        /// A response belongs to whom it was made for: nobody else can go on with it, however the id was learnt.
        let caller: CallerID
    }

    private struct Generations {
        var younger: [ExactString: Origin] = [:]
        var older: [ExactString: Origin] = [:]
        var youngerBegan: NIODeadline
    }

    /// Ids that are longer than this are nothing that an engine makes, and are not kept.
    private static let longestID = 512

    private let generationSize: Int
    private let lifetime: TimeAmount
    private let generations: Mutex<Generations>

    init(generationSize: Int = 20_000, lifetime: TimeAmount = .hours(6), now: NIODeadline = .now()) {
        self.generationSize = generationSize
        self.lifetime = lifetime
        self.generations = Mutex(Generations(youngerBegan: now))
    }

    func note(_ id: String, madeBy runner: RunnerID, for caller: Caller, now: NIODeadline = .now()) {
        guard id.utf8.count <= Self.longestID else { return }
        let origin = Origin(runner: runner, caller: caller.id)
        generations.withLock { generations in
            age(&generations, now)
            if generations.younger.count >= generationSize { rotate(&generations, now) }
            generations.younger[ExactString(id)] = origin
        }
    }

    /// Nil for an id that nobody noted, that was forgotten, or that is another caller's.
    func runner(of id: String, for caller: Caller, now: NIODeadline = .now()) -> RunnerID? {
        let id = ExactString(id)
        let origin = generations.withLock { generations in
            age(&generations, now)
            return generations.younger[id] ?? generations.older[id]
        }
        guard let origin, origin.caller == caller.id else { return nil }
        return origin.runner
    }

    private func age(_ generations: inout Generations, _ now: NIODeadline) {
        guard now - generations.youngerBegan >= lifetime else { return }
        // Nothing was noted for so long that the younger generation, too, is over.
        if now - generations.youngerBegan >= lifetime * 2 { generations.younger = [:] }
        rotate(&generations, now)
    }

    private func rotate(_ generations: inout Generations, _ now: NIODeadline) {
        generations.older = generations.younger
        generations.younger = [:]
        generations.youngerBegan = now
    }
}
