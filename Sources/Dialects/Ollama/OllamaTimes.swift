/// How long the parts of a call took, as far as the gateway knows. Sent in nanoseconds; unknown ones are left out, which
/// Ollama also does.
public struct OllamaDurations: Hashable, Sendable {
    /// From the request to the end of the response.
    public var total: Duration
    /// Waiting for a machine, an engine and a place in its queue.
    public var load: Duration?
    /// From the request that the engine received to its first piece.
    public var promptEvaluation: Duration?
    /// From the first piece to the last.
    public var evaluation: Duration?

    public init(
        total: Duration, load: Duration? = nil, promptEvaluation: Duration? = nil, evaluation: Duration? = nil
    ) {
        self.total = total
        self.load = load
        self.promptEvaluation = promptEvaluation
        self.evaluation = evaluation
    }

    /// Whole nanoseconds, from 0 to the largest `Int`.
    static func nanoseconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (product, overflow) = Int(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflowOfSum) = product.addingReportingOverflow(Int(attoseconds / 1_000_000_000))
        return overflow || overflowOfSum ? .max : sum
    }
}

/// The clock of a stream's owner.
public struct OllamaClock: Sendable {
    /// The current time (RFC 3339), for `created_at`.
    public let timestamp: @Sendable () -> String
    /// The durations of the call that ends now.
    public let durations: @Sendable () -> OllamaDurations

    public init(timestamp: @escaping @Sendable () -> String, durations: @escaping @Sendable () -> OllamaDurations) {
        self.timestamp = timestamp
        self.durations = durations
    }
}

/// Times in the form of RFC 3339.
public enum OllamaTimestamp {
    /// The time in UTC with nine digits of the second.
    /// - Parameters:
    ///   - seconds: since 1970; limited to the years 1970 to 9999.
    ///   - nanoseconds: of the second, from 0 to 999,999,999.
    public static func string(seconds: Int, nanoseconds: Int = 0) -> String {
        let seconds = min(max(seconds, 0), 253_402_300_799)
        let (year, month, day) = date(daysSince1970: seconds / 86_400)
        let time = seconds % 86_400
        return "\(digits(year, 4))-\(digits(month, 2))-\(digits(day, 2))T\(digits(time / 3600, 2)):"
            + "\(digits(time / 60 % 60, 2)):\(digits(time % 60, 2))"
            + ".\(digits(min(max(nanoseconds, 0), 999_999_999), 9))Z"
    }

    private static func digits(_ number: Int, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
    }

    /// The date in the Gregorian calendar. Years begin in March here, so that a leap day is the last day of a year.
    private static func date(daysSince1970 days: Int) -> (year: Int, month: Int, day: Int) {
        let days = days + 719_468
        let (era, dayOfEra) = (days / 146_097, days % 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}
