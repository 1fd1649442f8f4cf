/// Times in UTC, in the form of RFC 3339.
public enum Timestamp {
    /// The time with nine digits of the second.
    /// - Parameters:
    ///   - seconds: since 1970; limited to the years 1970 to 9999.
    ///   - nanoseconds: of the second, from 0 to 999,999,999.
    public static func string(seconds: Int, nanoseconds: Int) -> String {
        "\(dateAndTime(seconds)).\(digits(min(max(nanoseconds, 0), 999_999_999), 9))Z"
    }

    /// The time without a fraction of the second.
    /// - Parameter seconds: since 1970; limited to the years 1970 to 9999.
    public static func string(seconds: Int) -> String { "\(dateAndTime(seconds))Z" }

    private static func dateAndTime(_ seconds: Int) -> String {
        let seconds = min(max(seconds, 0), 253_402_300_799)
        let (year, month, day) = date(daysSince1970: seconds / 86_400)
        let time = seconds % 86_400
        return "\(digits(year, 4))-\(digits(month, 2))-\(digits(day, 2))T\(digits(time / 3600, 2)):"
            + "\(digits(time / 60 % 60, 2)):\(digits(time % 60, 2))"
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
