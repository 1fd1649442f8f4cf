import Foundation
import Testing

@Suite struct RandomEventsTests {
    private static let seeds = 1...8 as ClosedRange<UInt64>

    /// A million in all unless `SIMPLEAI_RANDOM_EVENTS` asks for more.
    private static let eventsPerSeed: Int = {
        let wanted = ProcessInfo.processInfo.environment["SIMPLEAI_RANDOM_EVENTS"].flatMap { Int($0) } ?? 0
        return max(1_000_000, wanted) / seeds.count
    }()

    /// All seeds at once, whatever else runs in turn: by far the longest test, and bound to nothing but processors.
    @Test func whatMustHoldHoldsInAnyOrderOfEvents() async throws {
        try await withThrowingTaskGroup { group in
            for seed in Self.seeds {
                group.addTask {
                    do {
                        try Self.storm(seed)
                    } catch {
                        Issue.record("with seed \(seed): \(error)")
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private static func storm(_ seed: UInt64) throws {
        var fleet = RandomFleet(seed: seed)
        try fleet.run(events: eventsPerSeed)
        // A storm in which nothing happens would prove nothing.
        for kind in [
            "granted", "least busy", "served after waiting", "wakes", "awake", "not awake", "queue_full",
            "rejected queue_full",
            "model_not_found", "no_runner_available", "rejected no_runner_available", "rejected wake_timeout",
            "wake_failed", "ejected", "readmitted", "left", "put to sleep", "sleep refused", "checked", "check failed",
            "loaded", "unloaded", "load failed", "gave way", "took turns", "took turns on a machine", "woken by hand",
            "put to sleep by hand",
        ] {
            #expect(fleet.tally[kind, default: 0] > 0, "no \(kind) with seed \(seed): \(fleet.tally)")
        }
    }
}
