import Foundation
import Testing

@Suite struct RandomEventsTests {
    /// The total number of events; `make million` runs a million.
    private static let events = max(
        240_000, ProcessInfo.processInfo.environment["SIMPLEAI_RANDOM_EVENTS"].flatMap { Int($0) } ?? 0)
    private static let seeds: ClosedRange<UInt64> = events >= 1_000_000 ? 1...8 : 1...4
    private static let eventsPerSeed = events / seeds.count

    /// All seeds run concurrently, although other tests run one after the other: this is by far the longest test, and
    /// limited only by processors.
    @Test func invariantsHoldInAnyOrderOfEvents() async throws {
        let tally = await withTaskGroup(of: [String: Int].self) { group in
            for seed in Self.seeds {
                group.addTask {
                    var fleet = RandomFleet(seed: seed)
                    do {
                        try fleet.run(events: Self.eventsPerSeed)
                    } catch {
                        Issue.record("with seed \(seed): \(error)")
                    }
                    return fleet.tally
                }
            }
            return await group.reduce(into: [:]) { $0.merge($1) { $0 + $1 } }
        }
        // A run without any effects would prove nothing.
        for kind in [
            "granted", "least busy", "served after waiting", "wakes", "awake", "not awake", "queue_full",
            "rejected queue_full",
            "model_not_found", "no_runner_available", "rejected no_runner_available", "rejected wake_timeout",
            "wake_failed", "ejected", "readmitted", "left", "put to sleep", "sleep refused", "checked", "check failed",
            "loaded", "unloaded", "load failed", "evicted", "alternated", "alternated on a machine", "woken by hand",
            "put to sleep by hand", "put to sleep by the gateway", "stayed awake", "responded while falling asleep",
            "sleep command failed",
        ] {
            #expect(tally[kind, default: 0] > 0, "no \(kind): \(tally)")
        }
    }
}
