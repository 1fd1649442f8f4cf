import SimpleAICore
import Testing

/// Simulated uploads, like those in public reports, and the time at which each is refused.
@Suite struct BodyPaceTests {
    private static let second: Int64 = 1_000_000_000
    private static let kib = 1024.0
    private static let mib = 1024.0 * 1024

    struct Upload: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let size: Double
        /// The number of bytes that have arrived after a number of seconds.
        let arrived: @Sendable (Double) -> Double

        /// A constant rate over the whole time.
        static func even(_ name: String, _ size: Double, perSecond rate: Double) -> Upload {
            Upload(testDescription: name, size: size) { $0 * rate }
        }

        /// A pause in the middle.
        static func stalled(_ name: String, _ size: Double, perSecond rate: Double, at: Double, for time: Double)
            -> Upload
        {
            Upload(testDescription: name, size: size) { ($0 < at ? $0 : max(at, $0 - time)) * rate }
        }
    }

    /// - Returns: when the upload is refused, in seconds; nil if it completes before.
    private func end(of upload: Upload, gracePeriod: Int64 = 75) -> Double? {
        var pace = BodyPace(gracePeriod: gracePeriod * Self.second, now: 0)
        while true {
            let now = pace.deadline
            let seconds = Double(now) / Double(Self.second)
            let received = upload.arrived(seconds)
            if received >= upload.size { return nil }
            if pace.isTooSlow(received: Int(received), now: now) { return seconds }
            if pace.deadline <= now { return .infinity }
        }
    }

    @Test(arguments: [
        Upload.even("2G: 4 KiB at 300 B/s", 4 * kib, perSecond: 300),
        .even("GPRS: 1 MiB at 2.5 KiB/s", mib, perSecond: 2.5 * kib),
        .even("EDGE: 8 MiB of images at 8 KiB/s", 8 * mib, perSecond: 8 * kib),
        .even("3G: the largest body at 20 KiB/s", 32 * mib, perSecond: 20 * kib),
        .even("a fast network", 32 * mib, perSecond: 10 * mib),
        .stalled("a hand-over between cells", 2 * mib, perSecond: 50 * kib, at: 20, for: 60),
        .stalled("a screen that was off", 10 * mib, perSecond: 100 * kib, at: 50, for: 70),
        .stalled("a satellite that was away at the start", 20 * kib, perSecond: 10 * kib, at: 0, for: 60),
    ]) func acceptsHonestUploads(_ upload: Upload) {
        #expect(end(of: upload) == nil)
    }

    @Test(arguments: [
        (Upload.even("1 KiB in 15 s", 32 * mib, perSecond: kib / 15), 75.0...130.0),
        (.even("nothing", mib, perSecond: 0), 75...75),
        (.even("a byte a second", 32 * mib, perSecond: 1), 75...80),
        (
            Upload(testDescription: "31 MiB at once, then 1 KiB in 15 s", size: 32 * mib) { 31 * mib + $0 * kib / 15 },
            75...160
        ),
        (
            Upload(testDescription: "31 MiB at once, then 4 KiB/s", size: 32 * mib) {
                31 * mib + min($0, 250) * 4 * kib
            },
            75...300
        ),
        (Upload(testDescription: "half, then nothing", size: mib) { _ in mib / 2 }, 75...150),
    ]) func refusesUploadsThatOnlyHoldMemory(_ upload: Upload, by time: ClosedRange<Double>) throws {
        #expect(time.contains(try #require(end(of: upload))))
    }

    @Test func pausesOfTheGatewayAreNotMeasured() {
        var pace = BodyPace(gracePeriod: 10 * Self.second, now: 0)
        pace.readingWasPaused(received: 0, now: 50 * Self.second)
        #expect(pace.deadline == 60 * Self.second)
        #expect(pace.isTooSlow(received: 0, now: 60 * Self.second) == true)
    }

    @Test func extremeTimesDoNotOverflow() {
        var pace = BodyPace(gracePeriod: .max, now: .max)
        let isTooSlow = pace.isTooSlow(received: .max, now: 0)
        #expect(!isTooSlow && pace.deadline == .max)
    }
}
