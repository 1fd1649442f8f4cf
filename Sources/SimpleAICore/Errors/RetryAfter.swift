/// An engine's `Retry-After` (RFC 9110 §10.2.3): a number of seconds, or a date. Deviations of engines and proxies are
/// tolerated: fractions are rounded up, and a date in the past means the minimum.
public enum RetryAfter {
    /// In seconds: the values that SDKs honour.
    public static let range = 1...60

    /// The seconds to wait, within `range`; nil for a malformed value.
    /// - Parameters:
    ///   - date: the response's `Date`, from the same clock as a date in `value`.
    ///   - now: in seconds since 1970, for a response without `Date`.
    public static func seconds(_ value: String, date: String?, now: () -> Int) -> Int? {
        let value = value.utf8.drop { $0 == 0x20 || $0 == 0x09 }
        if let first = value.first, first == UInt8(ascii: "-") || isDigit(first) { return number(Array(value)) }
        guard let until = HTTPDate.seconds(String(decoding: value, as: UTF8.self)) else { return nil }
        return clamped(until - (date.flatMap(HTTPDate.seconds) ?? now()))
    }

    private static func clamped(_ seconds: Int) -> Int { min(max(seconds, range.lowerBound), range.upperBound) }

    private static func number(_ text: [UInt8]) -> Int? {
        let isNegative = text.first == UInt8(ascii: "-")
        var rest = (isNegative ? text.dropFirst() : text[...])
        while let last = rest.last, last == 0x20 || last == 0x09 { rest = rest.dropLast() }
        let parts = rest.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, !whole.isEmpty, parts.allSatisfy({ $0.allSatisfy(isDigit) }) else { return nil }
        guard !isNegative else { return range.lowerBound }
        // More digits than fit into `Int` mean a long time.
        guard let seconds = Int(String(decoding: whole, as: UTF8.self)) else { return range.upperBound }
        let isMore = parts.count > 1 && parts[1].contains { $0 != UInt8(ascii: "0") }
        return clamped(min(seconds, range.upperBound) + (isMore ? 1 : 0))
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}

/// An HTTP date (RFC 9110 §5.6.7) in any of its three formats.
public enum HTTPDate {
    private static let months = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]
    /// The length of the longest format, in bytes.
    private static let maxLength = 64

    /// In seconds since 1970; nil if it is not a date.
    public static func seconds(_ text: String) -> Int? {
        guard text.utf8.count <= maxLength else { return nil }
        let words = text.lowercased().split { $0 == " " || $0 == "," || $0 == "-" }.map(String.init)
        guard words.count >= 5 else { return nil }
        // `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
        let isCTime = months.contains(words[1])
        let (day, month, time, year) =
            isCTime ? (words[2], words[1], words[3], words[4]) : (words[1], words[2], words[4], words[3])
        guard let day = Int(day), 1...31 ~= day, let month = months.firstIndex(of: month), let year = number(year),
            let time = timeOfDay(time)
        else { return nil }
        return days(year: year, month: month + 1, day: day) * 86_400 + time
    }

    /// A year of two digits lies between 1970 and 2069.
    private static func number(_ year: String) -> Int? {
        guard let number = Int(year), 0...9_999 ~= number else { return nil }
        return year.utf8.count == 2 ? (number < 70 ? 2_000 : 1_900) + number : number
    }

    private static func timeOfDay(_ text: String) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 3, let hour = parts[0], let minute = parts[1], let second = parts[2],
            0...23 ~= hour, 0...59 ~= minute, 0...60 ~= second
        else { return nil }
        return (hour * 60 + minute) * 60 + second
    }

    /// Days since 1970-01-01, in the Gregorian calendar.
    private static func days(year: Int, month: Int, day: Int) -> Int {
        // Years begin in March, so that a leap day is the last day of its year.
        let year = month > 2 ? year : year - 1
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
