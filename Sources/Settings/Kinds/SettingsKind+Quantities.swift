import SimpleAICore

// MARK: - Numbers

extension SettingsKind where Value == Int {
    static func integer(_ range: ClosedRange<Int>) -> Self {
        let wanted = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        return .init(wanted, form: .integer(range)) { text throws(SettingsMismatch) in
            guard let number = Int(text), text.first != "+" else {
                throw .init("\(quoted(text)) is not a whole number; use \(wanted)")
            }
            guard range.contains(number) else { throw .init("\(number) is out of range; use \(wanted)") }
            return number
        }
    }

    static func oneOf(_ numbers: [Int]) -> Self {
        let wanted = numbers.map(String.init).joined(separator: " or ")
        return .init(wanted, form: .integerChoice(numbers)) { text throws(SettingsMismatch) in
            guard let number = Int(text), numbers.contains(number) else {
                throw .init("\(quoted(text)) is not allowed; use \(wanted)")
            }
            return number
        }
    }
}

extension SettingsKind where Value == Double {
    static func fraction(_ range: ClosedRange<Double>) -> Self {
        let wanted = "a number from \(range.lowerBound) to \(range.upperBound)"
        return .init(wanted, form: .number(range)) { text throws(SettingsMismatch) in
            guard let number = Double(text), range.contains(number) else {
                throw .init("\(quoted(text)) is not allowed; use \(wanted)")
            }
            return number
        }
    }
}

// MARK: - Durations and sizes

extension SettingsKind where Value == Duration {
    /// `500ms`, `90s`, `5m` or `1h`.
    static func duration(from minimum: Duration = .zero, to maximum: Duration = .days(30)) -> Self {
        Self("a duration like 500ms, 90s, 5m or 1h", form: .pattern("^[0-9]+ *(ms|s|m|h)$")) {
            text throws(SettingsMismatch) in
            guard let (count, unit) = numberAndUnit(text) else {
                throw .init("\(quoted(text)) is not a duration; use a value such as 500ms, 90s, 5m or 1h")
            }
            let milliseconds: Int? =
                switch unit {
                case "ms": 1
                case "s": 1_000
                case "m": 60_000
                case "h": 3_600_000
                default: nil
                }
            guard let milliseconds else {
                let advice = unit.isEmpty ? "use \(count)s for seconds" : "units are ms, s, m and h"
                throw .init("\(quoted(text)) has no known unit; \(advice)")
            }
            let (total, overflow) = count.multipliedReportingOverflow(by: milliseconds)
            guard !overflow, case let duration = Duration.milliseconds(total), (minimum...maximum).contains(duration)
            else {
                throw .init("\(quoted(text)) is out of range; use \(minimum.written) to \(maximum.written)")
            }
            return duration
        }
        .within("\(minimum.written) to \(maximum.written)")
        .written(\.written)
    }
}

extension SettingsKind where Value == ByteCount {
    /// `1500B`, `64KiB`, `32MiB` or `1GiB`.
    static func size(from minimum: ByteCount, to maximum: ByteCount) -> Self {
        Self("a size like 64KiB, 32MiB or 1GiB", form: .pattern("^[0-9]+ *(B|[KMG]iB)$")) {
            text throws(SettingsMismatch) in
            guard let (count, unit) = numberAndUnit(text) else {
                throw .init("\(quoted(text)) is not a size; use a value such as 64KiB, 32MiB or 1GiB")
            }
            let factor: Int? =
                switch unit {
                case "B": 1
                case "KiB": 1 << 10
                case "MiB": 1 << 20
                case "GiB": 1 << 30
                default: nil
                }
            guard let factor else {
                let near =
                    Spelling.nearest(to: unit + "iB", among: ["KiB", "MiB", "GiB"])
                    ?? Spelling.nearest(to: unit, among: ["KiB", "MiB", "GiB"])
                let advice = near.map { "use \(count)\($0)" } ?? "units are B, KiB, MiB and GiB"
                throw .init("\(quoted(text)) has no known unit; \(advice)")
            }
            let (bytes, overflow) = count.multipliedReportingOverflow(by: factor)
            guard !overflow, case let size = ByteCount(bytes: bytes), (minimum...maximum).contains(size) else {
                throw .init("\(quoted(text)) is out of range; use \(minimum) to \(maximum)")
            }
            return size
        }
        .within("\(minimum) to \(maximum)")
    }
}

extension Duration {
    static func days(_ count: Int) -> Duration { .seconds(count * 86_400) }

    /// The shortest text that settings parse to the same value. Exact for whole milliseconds, the precision of
    /// settings.
    var written: String {
        let (seconds, attoseconds) = components
        if attoseconds != 0 { return "\(seconds * 1_000 + attoseconds / 1_000_000_000_000_000)ms" }
        if seconds >= 3_600, seconds % 3_600 == 0 { return "\(seconds / 3_600)h" }
        if seconds >= 60, seconds % 60 == 0 { return "\(seconds / 60)m" }
        return "\(seconds)s"
    }
}

/// Digits, then letters; nil for any other text.
private func numberAndUnit(_ text: String) -> (number: Int, unit: String)? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let unit = text.dropFirst(digits.count).drop { $0 == " " }
    guard let number = Int(digits), unit.allSatisfy({ $0.isASCII && $0.isLetter }) else { return nil }
    return (number, String(unit))
}
