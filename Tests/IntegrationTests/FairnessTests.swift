import Foundation
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// One caller with 64 workers and one with a single worker, over real sockets. The engine completes one call at a
    /// time when the test allows it, so that the result does not depend on speed: the test counts how many other
    /// calls were served first.
    @Suite struct FairnessTests {
        private static let slots = 2
        private static let workers = 64

        /// The number of calls that the engine may complete, and the number that it has completed.
        private struct Turns: Sendable {
            var allowed = 0
            var taken = 0

            mutating func take() -> Bool {
                guard allowed > taken else { return false }
                taken += 1
                return true
            }
        }

        private static func engine(_ turns: Watched<Turns>) -> ScriptedEngine.Script {
            { request, wire in
                while !turns.update({ $0.take() }) { _ = try await turns.value { $0.allowed > $0.taken } }
                try await ScriptedEngine.wellBehaved(request, wire)
            }
        }

        @Test func aSingleWorkerIsServedBetweenTheOthers() async throws {
            let turns = Watched(Turns())
            try await withEngine(Self.engine(turns), runner: { $0.slots = Self.slots }) { gateway, engine in
                let script = try gateway.token(user: "script")
                let person = try gateway.token(user: "person")
                try await withThrowingTaskGroup { group in
                    let isOver = Watched(false)
                    for _ in 0..<Self.workers {
                        group.addTask {
                            while !isOver.value {
                                let body = RunningGateway.chat("class:fast", more: "\"user\":\"script\",")
                                _ = try await gateway.send(body, token: script)
                            }
                        }
                    }
                    var before: [Int] = []
                    for _ in 0..<10 {
                        before.append(try await Self.callsBefore(person, gateway, engine, turns))
                    }
                    print("fairness at the gateway: calls of 64 workers served before each call of the one: \(before)")
                    // The calls that held the slots when it arrived, and one more.
                    #expect(before.allSatisfy { $0 <= Self.slots + 1 }, "\(before)")
                    isOver.update { $0 = true }
                    turns.update { $0.allowed += 10_000 }
                    try await group.waitForAll()
                }
                try await gateway.settled()
            }
        }

        /// Sends one call while all other workers wait, and lets the engine complete one call after the other until
        /// this one is next in the queue.
        private static func callsBefore(
            _ token: String, _ gateway: RunningGateway, _ engine: ScriptedEngine, _ turns: Watched<Turns>
        ) async throws -> Int {
            // All workers have sent their calls: some are at the engine, the others wait.
            _ = try await gateway.metrics { $0["simpleai_calls_waiting"] == Double(workers - slots) }
            let held = turns.value.taken + slots
            let begun = try await engine.counts.value { $0.requests.count == held }.requests.count
            let wire = try await gateway.connect()
            try await wire.send(
                gateway.request(RunningGateway.chat("class:fast", more: "\"user\":\"person\","), token: token))
            _ = try await gateway.metrics { $0["simpleai_calls_waiting"] == Double(workers - slots + 1) }
            var answered = 0
            while answered < workers {
                // Each completed call frees a slot, and its worker sends another call.
                turns.update { $0.allowed += 1 }
                answered += 1
                let due = begun + answered
                let seen = try await engine.counts.value { $0.requests.count == due }.requests
                if seen.last?.body.contains("\"user\":\"person\"") ?? false { break }
            }
            // It may complete after the other calls that the engine has.
            for _ in 0..<slots { turns.update { $0.allowed += 1 } }
            #expect(try await wire.response().status == 200)
            await wire.close()
            return answered
        }
    }
}
