import SimpleAICore
import Testing

@testable import Scheduling

/// One caller with 64 workers and one with a single worker, each of which sends its next call as soon as the last one
/// ends, on a class that cannot serve them all at the same time. The test owns the clock.
@Suite struct FairSharingTests {
    /// The latencies of the single worker's calls, and the number of calls that each caller completed.
    private struct Figures {
        var latencies: [Duration] = []
        var served: [String: Int] = [:]

        var mean: Duration { latencies.reduce(.zero, +) / max(1, latencies.count) }
        /// The 95th percentile.
        var p95: Duration { latencies.sorted().dropFirst(latencies.count * 95 / 100).first ?? .zero }
    }

    private struct Work {
        let caller: String
        let began: ContinuousClock.Instant
    }

    /// - Parameters:
    ///   - workers: the number of workers of each caller.
    ///   - sharesLine: whether the scheduler sees both as one caller, for comparison.
    private func run(slots: Int, workers: [String: Int], sharesLine: Bool = false, seed: UInt64 = 1) throws -> Figures {
        var random = SeededGenerator(seed: seed)
        var bench = Bench.ready(.serving("a", "m", slots: slots)) { $0.queueTimeout = .seconds(3600) }
        var figures = Figures()
        var waiting: [WaiterID: Work] = [:]
        var running: [(lease: Lease, work: Work, ends: ContinuousClock.Instant)] = []

        /// Calls occupy a slot for half a second to one and a half seconds.
        func begin(_ lease: Lease, _ work: Work) {
            running.append((lease, work, bench.now + .milliseconds(Int.random(in: 500...1500, using: &random))))
        }
        func ask(_ caller: String) throws {
            let work = Work(caller: caller, began: bench.now)
            switch bench.place(["m"], caller: sharesLine ? "" : caller) {
            case .granted(let lease): begin(lease, work)
            case .waiting(let id, _): waiting[id] = work
            case .refused(let error): throw error
            }
        }
        for (caller, count) in workers.sorted(by: { $0.key < $1.key }) {
            for _ in 0..<count { try ask(caller) }
        }
        while figures.latencies.count < 200 {
            let next = try #require(running.indices.min { running[$0].ends < running[$1].ends })
            let (lease, work, ends) = running.remove(at: next)
            bench.passWithoutTimer(bench.now.duration(to: ends))
            figures.served[work.caller, default: 0] += 1
            if work.caller == "person" { figures.latencies.append(work.began.duration(to: ends)) }
            bench.forgetEffects()
            bench.release(lease)
            for grant in bench.grants() {
                let work = waiting.removeValue(forKey: grant.waiter)
                begin(grant.lease, try #require(work))
            }
            try ask(work.caller)
        }
        return figures
    }

    @Test(arguments: [2, 4, 8, 16])
    func theSingleWorkerIsNotTwiceAsSlowAsAloneWithItsShare(_ slots: Int) throws {
        let workers = ["script": 64, "person": 1]
        let alone = try run(slots: slots / 2, workers: ["person": 1])
        let shared = try run(slots: slots, workers: workers)
        let queued = try run(slots: slots, workers: workers, sharesLine: true)
        print(
            """
            fairness, \(slots) slots, 64 workers and 1: the one's calls take \(shared.mean) on average (p95 \(shared.p95)), \
            alone with half the slots \(alone.mean) (p95 \(alone.p95)), in one line for all \(queued.mean) \
            (p95 \(queued.p95)); it got \(shared.served["person"] ?? 0) calls, the other \(shared.served["script"] ?? 0)
            """)
        #expect(shared.mean < alone.mean * 2)
        #expect(shared.p95 < alone.p95 * 2)
        // The comparison can fail: first come, first served gives a very different result.
        #expect(queued.mean > alone.mean * 4)
    }

    /// If both have more workers than slots, each gets half.
    @Test func twoScriptsShareByHalves() throws {
        let figures = try run(slots: 4, workers: ["person": 8, "script": 64])
        let (person, script) = (figures.served["person"] ?? 0, figures.served["script"] ?? 0)
        #expect(abs(person - script) < 12, "\(person) and \(script)")
    }
}
