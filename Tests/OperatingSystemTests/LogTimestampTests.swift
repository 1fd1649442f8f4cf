import Foundation
import Testing

@testable import OperatingSystem

@Suite struct LogTimestampTests {
    private static let times = [0, 1, 59, 60, 951_782_399, 951_782_400, 1_709_164_800, 1_796_000_000, 4_102_444_800]

    private func text(_ time: LogTime, _ timestamp: inout LogTimestamp) -> String {
        var bytes: [UInt8] = []
        timestamp.append(time, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// With one formatter for all of them: the text of the latest second is kept.
    @Test func utcHasMilliseconds() {
        var timestamp = LogTimestamp(.utc)
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        for seconds in Self.times {
            for milliseconds in [0, 7, 42, 999] {
                let date = Date(timeIntervalSince1970: Double(seconds) + (Double(milliseconds) + 0.5) / 1000)
                let time = LogTime(seconds: seconds, milliseconds: milliseconds)
                #expect(text(time, &timestamp) == date.formatted(style))
            }
        }
    }

    @Test func localTimeHasAnOffset() {
        var timestamp = LogTimestamp(.local)
        for seconds in Self.times {
            var (time, parts, buffer) = (time_t(seconds), tm(), [CChar](repeating: 0, count: 64))
            localtime_r(&time, &parts)
            let length = strftime(&buffer, buffer.count, "%FT%T%z", &parts)
            let expected = String(decoding: buffer[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
            #expect(text(LogTime(seconds: seconds, milliseconds: 5), &timestamp) == expected)
        }
    }

    @Test func theTimeIsThePresentOne() {
        let before = Int(Date().timeIntervalSince1970 * 1000)
        let now = LogTime.now
        #expect(before...Int(Date().timeIntervalSince1970 * 1000) ~= now.seconds * 1000 + now.milliseconds)
    }
}
