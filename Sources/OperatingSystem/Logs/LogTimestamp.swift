#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The time of a log line, by the clock of the machine.
public struct LogTime: Hashable, Sendable {
    /// Since 1970.
    public var seconds: Int
    public var milliseconds: Int

    public init(seconds: Int, milliseconds: Int) {
        self.seconds = seconds
        self.milliseconds = milliseconds
    }

    public static var now: LogTime {
        var time = timespec()
        guard clock_gettime(CLOCK_REALTIME, &time) == 0 else { return LogTime(seconds: 0, milliseconds: 0) }
        return LogTime(seconds: time.tv_sec, milliseconds: time.tv_nsec / 1_000_000)
    }
}

/// Formats the times of log lines. Keeps the text of the latest second: dividing time into years, and reading the rules of
/// a time zone, costs more than the rest of a line.
public struct LogTimestamp: Sendable {
    public enum Style: Sendable {
        /// ISO 8601, in local time, to the second.
        case local
        /// RFC 3339, in UTC, to the millisecond.
        case utc
    }

    private static let units = [100, 10, 1]

    private let style: Style
    private var second: Int?
    private var text: [UInt8] = []

    public init(_ style: Style) {
        self.style = style
    }

    public mutating func append(_ time: LogTime, to bytes: inout [UInt8]) {
        if time.seconds != second {
            text = Self.text(time.seconds, style)
            second = time.seconds
        }
        bytes.append(contentsOf: text)
        guard style == .utc else { return }
        bytes.append(UInt8(ascii: "."))
        for unit in Self.units { bytes.append(UInt8(ascii: "0") + UInt8(time.milliseconds / unit % 10)) }
        bytes.append(UInt8(ascii: "Z"))
    }

    private static func text(_ seconds: Int, _ style: Style) -> [UInt8] {
        var seconds = time_t(seconds)
        var parts = tm()
        let format = style == .local ? "%Y-%m-%dT%H:%M:%S%z" : "%Y-%m-%dT%H:%M:%S"
        let isKnown = style == .local ? localtime_r(&seconds, &parts) != nil : gmtime_r(&seconds, &parts) != nil
        guard isKnown else { return [UInt8(ascii: "-")] }
        return [UInt8](unsafeUninitializedCapacity: 40) { bytes, count in
            count = bytes.withMemoryRebound(to: CChar.self) { strftime($0.baseAddress, $0.count, format, &parts) }
        }
    }
}
