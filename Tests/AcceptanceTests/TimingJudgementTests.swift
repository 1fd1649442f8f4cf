import Testing

@testable import Acceptance

struct TimingJudgementTests {
    private func timing(underLoad: Double, throughput: Double, runners: Int = 2) -> TimingJudgement {
        TimingJudgement(
            underLoad: Array(repeating: underLoad, count: 10), sequential: Array(repeating: 0.1, count: 10),
            throughput: throughput,
            workers: 10, runners: runners)
    }

    @Test func queueingBeyondSharingFails() {
        #expect(timing(underLoad: 0.3, throughput: 20).queueing.verdict == .pass)
        #expect(timing(underLoad: 0.6, throughput: 20).queueing.verdict == .fail)
        #expect(timing(underLoad: 0.14, throughput: 20, runners: 10).queueing.verdict == .pass)
        #expect(timing(underLoad: 0.2, throughput: 20, runners: 10).queueing.verdict == .fail)
    }

    @Test func parallelismIsProvenByThroughput() {
        #expect(timing(underLoad: 0.3, throughput: 19).parallelism.verdict == .pass)
        #expect(timing(underLoad: 0.3, throughput: 11).parallelism.verdict == .inconclusive)
        #expect(timing(underLoad: 0.3, throughput: 11, runners: 1).parallelism.verdict == .skip)
    }
}
