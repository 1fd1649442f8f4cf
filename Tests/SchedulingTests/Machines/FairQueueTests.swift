import SimpleAICore
import Testing

@testable import Scheduling

/// The queue's bounds, deadlines and order. `FairnessTests` shows whom it serves when callers compete.
@Suite struct FairQueueTests {
    private static let start = ContinuousClock.now
    private static func at(_ second: Int) -> ContinuousClock.Instant { start.advanced(by: .seconds(second)) }

    private func request(_ caller: String, _ models: [ModelID] = ["m"]) -> PlacementRequest {
        PlacementRequest(models: models, caller: CallerID(subject: SubjectID(caller), issuer: ""))
    }

    private func arrive(
        _ caller: String, _ models: [ModelID] = ["m"], deadline: Int = 60, in queue: inout FairQueue
    ) -> WaiterID {
        let waiter = Waiter(
            id: queue.makeWaiterID(), request: request(caller, models), since: Self.at(0), waitReason: .slot,
            deadline: Self.at(deadline))
        queue.callQueued(waiter)
        return waiter.id
    }

    private func serve(_ queue: inout FairQueue, models: Set<ModelID> = ["m"]) -> WaiterID? {
        queue.slotFreed(of: "a", at: 0, couldServe: { !models.isDisjoint(with: $0) }, canServe: { _ in true })?.id
    }

    @Test func anEmptyQueueHasNothingToServe() {
        var queue = FairQueue()
        #expect(queue.count == 0 && queue.earliestDeadline == nil && !queue.contains { _ in true })
        #expect(serve(&queue) == nil && queue.timePassed(now: Self.at(999)).isEmpty)
        queue.callWithdrawn(queue.makeWaiterID(), models: ["m"])
        #expect(queue.count == 0)
    }

    @Test func oneCallersCallsAreServedInOrder() {
        var queue = FairQueue()
        let calls = (0..<3).map { _ in arrive("alice", in: &queue) }
        #expect(queue.count == 3 && queue.length(for: ["m"]) == 3 && queue.length(for: ["n"]) == 0)
        #expect((0..<3).map { _ in serve(&queue) } == calls)
        #expect(queue.count == 0)
    }

    @Test func onlyCallsThatTheRunnerCanServeAreConsidered() {
        var queue = FairQueue()
        _ = arrive("alice", ["n"], in: &queue)
        #expect(serve(&queue) == nil && queue.count == 1)
        #expect(
            queue.slotFreed(of: "a", at: 0, couldServe: { _ in true }, canServe: { $0.request.models == ["m"] }) == nil)
        #expect(serve(&queue, models: ["n"]) != nil)
    }

    @Test func aFullQueueEvictsTheCallerWithTheMostCalls() {
        var queue = FairQueue()
        _ = arrive("alice", in: &queue)
        #expect(queue.capacity(for: request("bob"), maxLength: 2) == .available)
        let newest = arrive("alice", in: &queue)
        #expect(queue.capacity(for: request("alice"), maxLength: 2) == .exhausted, "no caller has more calls")
        #expect(queue.capacity(for: request("bob"), maxLength: 2) == .availableAfterEvicting(newest))
        #expect(queue.capacity(for: request("bob", ["n"]), maxLength: 2) == .available, "one queue per set of models")
        #expect(queue.count == 2, "a query evicts nothing")
        queue.callWithdrawn(newest, models: ["m"])
        _ = arrive("bob", in: &queue)
        #expect(queue.capacity(for: request("carol"), maxLength: 2) == .exhausted)
    }

    @Test func lateCallsAreRemovedInOrderOfArrival() {
        var queue = FairQueue()
        let first = arrive("alice", deadline: 20, in: &queue)
        let second = arrive("bob", deadline: 10, in: &queue)
        let third = arrive("alice", ["n"], deadline: 30, in: &queue)
        #expect(queue.earliestDeadline == Self.at(10))
        #expect(queue.timePassed(now: Self.at(9)).isEmpty)
        #expect(queue.timePassed(now: Self.at(20)).map(\.id) == [first, second])
        #expect(queue.count == 1 && queue.earliestDeadline == Self.at(30))
        #expect(queue.timePassed(now: Self.at(30)).map(\.id) == [third])
        #expect(queue.count == 0)
    }

    @Test func aWithdrawnCallIsNotServed() {
        var queue = FairQueue()
        let (first, second) = (arrive("alice", in: &queue), arrive("alice", in: &queue))
        queue.callWithdrawn(first, models: ["m"])
        queue.callWithdrawn(first, models: ["m"])
        #expect(queue.count == 1 && serve(&queue) == second)
    }

    /// In any order of events: the count is right, ids are new, no call is lost or served twice, and each caller's
    /// calls are served in order.
    @Test(arguments: 0..<20) func invariantsHoldInAnyOrderOfEvents(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = FairQueue()
        var waiting: [WaiterID: (caller: String, models: [ModelID], deadline: Int)] = [:]
        var (second, served) = (0, 0)
        for _ in 0..<800 {
            second += Int.random(in: 0..<3, using: &random)
            switch Int.random(in: 0..<7, using: &random) {
            case 0, 1, 2:
                let caller = ["alice", "bob", "carol"].randomElement(using: &random) ?? "alice"
                let models: [ModelID] = .random(using: &random) ? ["m"] : ["m", "n"]
                if case .exhausted = queue.capacity(for: request(caller, models), maxLength: 8) { continue }
                let deadline = second + .random(in: 1..<60, using: &random)
                let id = arrive(caller, models, deadline: deadline, in: &queue)
                #expect(waiting[id] == nil)
                waiting[id] = (caller, models, deadline)
            case 3:
                guard let (id, call) = waiting.randomElement(using: &random) else { continue }
                queue.callWithdrawn(id, models: call.models)
                waiting[id] = nil
            case 4:
                let late = queue.timePassed(now: Self.at(second)).map(\.id)
                #expect(Set(late) == Set(waiting.filter { $0.value.deadline <= second }.keys))
                for id in late { waiting[id] = nil }
            default:
                let runner = Int.random(in: 0..<3, using: &random)
                let next = queue.slotFreed(
                    of: "a", at: runner, couldServe: { _ in true }, canServe: { _ in true })
                #expect((next == nil) == waiting.isEmpty)
                guard let next else { continue }
                let call = waiting.removeValue(forKey: next.id)
                #expect(call != nil)
                #expect(!waiting.contains { $0.value.caller == call?.caller && $0.key.number < next.id.number })
                served += 1
            }
            #expect(queue.count == waiting.count)
            #expect(queue.earliestDeadline == waiting.values.map { Self.at($0.deadline) }.min())
        }
        #expect(served > 50)
    }
}
