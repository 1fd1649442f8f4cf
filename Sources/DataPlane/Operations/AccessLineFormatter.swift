import Logging
import OperatingSystem
import SimpleAICore

/// Formats access lines into a buffer that is used again, without strings or dictionaries in between: byte for byte the
/// lines that the program's log handlers make of `AccessLine.write(to:)`.
///
/// Only values that have to be escaped pass through strings.
struct AccessLineFormatter {
    private let format: AccessLogOutput.Format
    private var timestamp: LogTimestamp
    /// The latest line, without a line feed.
    private(set) var bytes: [UInt8] = []

    /// In bytes. Few lines are longer; the buffer of one that is, is not kept.
    private static let capacity = 4 << 10

    init(_ format: AccessLogOutput.Format) {
        self.format = format
        timestamp =
            switch format {
            case .text: LogTimestamp(.local)
            case .json: LogTimestamp(.utc)
            }
        bytes.reserveCapacity(Self.capacity)
    }

    /// Replaces `bytes` with the line.
    mutating func format(_ line: AccessLine, at time: LogTime) {
        if bytes.capacity > 2 * Self.capacity { bytes = [] }
        bytes.removeAll(keepingCapacity: true)
        switch format {
        case .text(let label): formatText(line, time, label)
        case .json: formatJSON(line, time)
        }
    }

    private mutating func formatText(_ line: AccessLine, _ time: LogTime, _ label: String?) {
        timestamp.append(time, to: &bytes)
        bytes.append(space)
        bytes.append(line.level.rawValue)
        bytes.append(space)
        if let label {
            bytes.append(label)
            bytes.append(UInt8(ascii: ":"))
        } else {
            bytes.append(AccessLine.message)
        }
        var fields = TextFields(bytes: bytes)
        // Otherwise the first value that is added copies the line.
        bytes = []
        line.addFields(to: &fields)
        bytes = fields.bytes
        guard label != nil else { return }
        bytes.append(" [")
        bytes.append(AccessLine.source)
        bytes.append("] ")
        bytes.append(AccessLine.message)
    }

    private mutating func formatJSON(_ line: AccessLine, _ time: LogTime) {
        bytes.append("{\"time\":\"")
        timestamp.append(time, to: &bytes)
        bytes.append("\",\"level\":\"")
        bytes.append(line.level.rawValue)
        bytes.append("\",\"message\":\"")
        bytes.append(AccessLine.message)
        bytes.append(quote)
        var fields = JSONFields(bytes: bytes)
        bytes = []
        line.addFields(to: &fields)
        bytes = fields.bytes
        bytes.append(UInt8(ascii: "}"))
    }
}

private let space = UInt8(ascii: " ")
private let quote = UInt8(ascii: "\"")

// MARK: Formats

/// ` key=value`
private struct TextFields: AccessLineFields {
    var bytes: [UInt8]

    private mutating func begin(_ key: String) {
        bytes.append(space)
        bytes.append(key)
        bytes.append(UInt8(ascii: "="))
    }

    mutating func add(_ key: String, _ text: String) {
        begin(key)
        if text.isWord, !text.isEmpty { bytes.append(text) } else { bytes.append(LogValue.text(text)) }
    }

    mutating func add(_ key: String, _ number: Int) {
        begin(key)
        bytes.append(number)
    }

    mutating func add(_ key: String, toOneDigit number: Double) {
        begin(key)
        if !bytes.append(toOneDigit: number) { bytes.append(LogValue.text("\((number * 10).rounded() / 10)")) }
    }

    mutating func add(_ key: String, _ address: IPAddress) {
        begin(key)
        if !bytes.append(address) { bytes.append(LogValue.text("\(address)")) }
    }

    mutating func add(_ key: String, _ request: ModelRequest) {
        guard case .byClass(let name) = request, name.rawValue.isWord else { return add(key, "\(request)") }
        begin(key)
        bytes.append("class:")
        bytes.append(name.rawValue)
    }
}

/// `,"key":"value"`; numbers without quotation marks.
private struct JSONFields: AccessLineFields {
    var bytes: [UInt8]

    private mutating func begin(_ key: String) {
        bytes.append(",\"")
        bytes.append(key)
        bytes.append("\":")
    }

    mutating func add(_ key: String, _ text: String) {
        begin(key)
        guard text.needsNoEscapes else { return bytes.append(JSONString.encode(text)) }
        bytes.append(quote)
        bytes.append(text)
        bytes.append(quote)
    }

    mutating func add(_ key: String, _ number: Int) {
        begin(key)
        bytes.append(number)
    }

    mutating func add(_ key: String, toOneDigit number: Double) {
        let length = bytes.count
        begin(key)
        guard !bytes.append(toOneDigit: number) else { return }
        bytes.removeLast(bytes.count - length)
        let text = "\((number * 10).rounded() / 10)"
        guard text.isDecimal else { return add(key, text) }
        begin(key)
        bytes.append(text)
    }

    mutating func add(_ key: String, _ address: IPAddress) {
        begin(key)
        bytes.append(quote)
        if !bytes.append(address) { bytes.append("\(address)") }
        bytes.append(quote)
    }

    mutating func add(_ key: String, _ request: ModelRequest) {
        guard case .byClass(let name) = request, name.rawValue.needsNoEscapes else { return add(key, "\(request)") }
        begin(key)
        bytes.append("\"class:")
        bytes.append(name.rawValue)
        bytes.append(quote)
    }
}

// MARK: Values

extension String {
    /// Whether `LogValue.text` leaves it unchanged, unless it is empty.
    fileprivate var isWord: Bool {
        utf8.allSatisfy { byte in
            byte &- 0x21 <= 0x7E - 0x21 && byte != quote && byte != UInt8(ascii: "=") && byte != UInt8(ascii: "\\")
        }
    }

    /// Whether a number's description has digits only, and no exponent.
    fileprivate var isDecimal: Bool {
        utf8.count <= 20 && utf8.allSatisfy { 0x30...0x39 ~= $0 || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    /// Whether `JSONString.encode` only adds quotation marks.
    fileprivate var needsNoEscapes: Bool {
        utf8.allSatisfy { byte in byte &- 0x20 < 0x7F - 0x20 && byte != quote && byte != UInt8(ascii: "\\") }
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(contentsOf: $0) }
    }

    /// In decimal digits.
    fileprivate mutating func append(_ number: Int) {
        if number < 0 { append(UInt8(ascii: "-")) }
        var rest = number.magnitude
        let start = count
        repeat {
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        self[start...].reverse()
    }

    /// Rounded to tenths.
    /// - Returns: false, and appends nothing, for a number that is written otherwise.
    fileprivate mutating func append(toOneDigit number: Double) -> Bool {
        let tenths = (number * 10).rounded()
        // A larger number has no exact tenths; a negative one would need a sign before a zero.
        guard tenths >= 0, tenths.sign == .plus, tenths < 1e15 else { return false }
        append(Int(tenths) / 10)
        append(UInt8(ascii: "."))
        append(UInt8(ascii: "0") + UInt8(Int(tenths) % 10))
        return true
    }

    /// - Returns: false, and appends nothing, for an IPv6 address.
    fileprivate mutating func append(_ address: IPAddress) -> Bool {
        guard let v4 = address.v4 else { return false }
        for shift in stride(from: UInt32(24), through: 0, by: -8) {
            append(Int(v4 >> shift & 0xFF))
            if shift > 0 { append(UInt8(ascii: ".")) }
        }
        return true
    }
}
