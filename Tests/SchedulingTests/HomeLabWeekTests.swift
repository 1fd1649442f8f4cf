import Foundation
import SimpleAICore
import Testing

@testable import Scheduling

/// A week of a home lab in a moment of real time.
@Suite struct HomeLabWeekTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func aWeekLosesNoWakeAndCutsNoCall(_ seed: UInt64) throws {
        var lab = HomeLab(seed: seed)
        try lab.live(days: 7)
        let diary = lab.diary
        print(Self.page(diary, seed))
        // The week had traffic: callers sent calls, machines slept at night and were woken again.
        #expect(diary.calls > 700)
        #expect(diary.wakes >= 14)
        #expect(diary.hoursAsleep.values.allSatisfy { $0 > 30 && $0 < 160 })
        #expect(diary.packetsLost > 0)
        // No call was interrupted, every wake succeeded, and every call got a response.
        #expect(diary.sleepsWithALease == 0)
        #expect(diary.wakesSucceeded >= diary.wakes - 1)
        #expect(diary.sleeps >= diary.wakes)
        #expect(diary.served >= diary.calls - 3)
        #expect(diary.rejected.isEmpty, "\(diary.rejected)")
        // The expected waits that callers received are close to the actual ones: the mean over the week, lost packets
        // included.
        let told = diary.waits.compactMap { wait in wait.expected.map { (wait.waited, $0) } }
        #expect(told.count > 10)
        let waited = told.map(\.0).reduce(0, +) / Double(told.count)
        let expected = told.map(\.1).reduce(0, +) / Double(told.count)
        #expect(abs(waited - expected) < waited / 3, "waited \(waited) s, expected \(expected) s")
    }

    private static func page(_ diary: HomeLab.Diary, _ seed: UInt64) -> String {
        let waits = diary.waits.map(\.waited).sorted()
        let expected = diary.waits.compactMap(\.expected).sorted()
        func percentile(_ values: [Double], _ share: Double) -> String {
            guard !values.isEmpty else { return "-" }
            return String(format: "%.0f s", values[min(values.count - 1, Int(Double(values.count) * share))])
        }
        let asleep = diary.hoursAsleep.sorted { $0.key < $1.key }.map {
            "\($0.key) \(String(format: "%.0f", $0.value)) h"
        }
        return """
            a week of a home lab, seed \(seed): \(diary.calls) calls, \(diary.served) served; \(diary.wakes) wakes, \
            \(diary.sleeps) sleeps, \(diary.packets) packets (\(diary.packetsLost) lost, or too early)
              waited for a machine: \(waits.count) calls, median \(percentile(waits, 0.5)), \
            p95 \(percentile(waits, 0.95)); expected: median \(percentile(expected, 0.5)), \
            p95 \(percentile(expected, 0.95))
              asleep: \(asleep.joined(separator: ", ")) of 168 h
            """
    }
}
