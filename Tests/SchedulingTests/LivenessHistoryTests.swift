import Foundation
import Testing

/// The scheduler's view of machines, compared with their actual state, over random histories: busy, loading, crashed,
/// unreachable, replaced by a front end, at another address, and recovered.
@Suite struct LivenessHistoryTests {
    /// The number of histories: `SIMPLEAI_LIVENESS_HISTORIES`, if that is more than the default.
    private static let histories: Int = {
        let wanted = ProcessInfo.processInfo.environment["SIMPLEAI_LIVENESS_HISTORIES"].flatMap { Int($0) } ?? 0
        return max(3_000, wanted)
    }()

    @Test func theStateFollowsTheMachine() async throws {
        let lanes = 4
        let tally = try await withThrowingTaskGroup(of: [String: Int].self) { group in
            for lane in 0..<lanes {
                group.addTask {
                    var tally: [String: Int] = [:]
                    for seed in stride(from: lane, to: Self.histories, by: lanes) {
                        var history = MachineHistory(seed: UInt64(seed))
                        do {
                            try history.run(for: .seconds(150))
                        } catch {
                            Issue.record("with seed \(seed)")
                            return tally
                        }
                        tally.merge(history.tally) { $0 + $1 }
                    }
                    return tally
                }
            }
            return try await group.reduce(into: [:]) { $0.merge($1) { $0 + $1 } }
        }
        // Histories without any events would prove nothing.
        for kind in [
            "gone", "engine crashed", "came back by itself", "served", "wakes", "awake", "not awake", "ready", "asleep",
            "lost", "down", "loading", "unknown", "waking", "wake_failed",
        ] {
            #expect(tally[kind, default: 0] > 100, "\(kind): \(tally)")
        }
    }
}
