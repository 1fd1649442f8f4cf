import NIOCore
import SimpleAICore
import Synchronization
import Testing

@testable import Relay

@Suite struct UpstreamTests {
    private let upstream = Upstream(runner: "a", host: "127.0.0.1", port: 1)

    @Test func aRefusalIsReportedOnceAMinute() {
        let start = NIODeadline.uptimeNanoseconds(1_000)
        #expect(upstream.shouldReportRefusal(now: start))
        #expect(!upstream.shouldReportRefusal(now: start + .seconds(59)))
        #expect(upstream.shouldReportRefusal(now: start + .seconds(60)))
        #expect(!upstream.shouldReportRefusal(now: start + .seconds(61)))
    }

    private final class Meeting: Sendable {
        let waiting = Atomic(4)
    }

    /// Calls on different event loops receive the refusal at the same time.
    @Test func ofConcurrentRefusalsOneIsReported() async {
        for round in 1...200 {
            let upstream = Upstream(runner: "a", host: "127.0.0.1", port: 1)
            let meeting = Meeting()
            let reports = await withTaskGroup(of: Int.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        // The tasks meet here if the machine runs them at the same time.
                        meeting.waiting.subtract(1, ordering: .relaxed)
                        for _ in 0..<1_000 where meeting.waiting.load(ordering: .relaxed) > 0 {}
                        return upstream.shouldReportRefusal(now: .uptimeNanoseconds(1_000)) ? 1 : 0
                    }
                }
                return await group.reduce(0, +)
            }
            #expect(reports == 1, "round \(round)")
        }
    }
}
