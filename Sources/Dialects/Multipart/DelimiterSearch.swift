/// Finds the beginning of delimiter lines in a body that arrives in pieces. Keeps no bytes of the body.
///
/// Most bytes are skipped: the search compares one byte in about as many as the delimiter is long (Horspool 1980), and
/// follows a possible delimiter over the end of a piece with a failure function (Knuth, Morris and Pratt 1977).
struct DelimiterSearch: Sendable {
    let delimiter: [UInt8]
    /// How far the search may advance if this byte stands at the delimiter's last place.
    private let shifts: [UInt8]
    /// For a number of matching bytes, the number that still match if the delimiter begins later.
    private let fallbacks: [Int]

    /// Number of bytes at the end of the previous bytes that may begin a delimiter.
    private var matched = 0
    /// The latest two bytes.
    private var latest: (UInt8, UInt8) = (0, 0)
    /// Whether CR LF precedes the possible delimiter.
    private(set) var followsLineEnd = false

    /// - Parameter delimiter: 1 to 255 bytes.
    init(for delimiter: [UInt8]) {
        self.delimiter = delimiter
        var shifts = [UInt8](repeating: UInt8(clamping: delimiter.count), count: 256)
        for (index, byte) in delimiter.dropLast().enumerated() {
            shifts[Int(byte)] = UInt8(clamping: delimiter.count - 1 - index)
        }
        self.shifts = shifts
        var fallbacks = [0, 0]
        for index in delimiter.indices.dropFirst() {
            var length = fallbacks[index]
            while length > 0, delimiter[length] != delimiter[index] { length = fallbacks[length] }
            fallbacks.append(delimiter[length] == delimiter[index] ? length + 1 : 0)
        }
        self.fallbacks = fallbacks
    }

    /// Forgets all previous bytes.
    mutating func restart() {
        (matched, latest, followsLineEnd) = (0, (0, 0), false)
    }

    /// - Returns: the index after the first delimiter at or after `start`; nil if the piece completes none.
    mutating func next(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var index = start
        while index < bytes.count {
            if matched == 0 {
                let candidate = candidate(in: bytes, from: index)
                if candidate > index {
                    latest = (candidate - index > 1 ? bytes[candidate - 2] : latest.1, bytes[candidate - 1])
                    index = candidate
                    continue
                }
            }
            let byte = bytes[index]
            index += 1
            advance(byte)
            if matched == delimiter.count {
                matched = 0
                return index
            }
        }
        return nil
    }

    private mutating func advance(_ byte: UInt8) {
        while matched > 0, delimiter[matched] != byte {
            matched = fallbacks[matched]
            followsLineEnd = false
        }
        if delimiter[matched] == byte {
            if matched == 0 { followsLineEnd = latest == (UInt8(ascii: "\r"), UInt8(ascii: "\n")) }
            matched += 1
        }
        latest = (latest.1, byte)
    }

    /// - Returns: the first index at or after `start` where a delimiter may begin.
    private func candidate(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        let (length, last) = (delimiter.count, bytes.count - delimiter.count)
        return shifts.withUnsafeBufferPointer { shifts in
            delimiter.withUnsafeBytes { delimiter in
                var index = start
                while index <= last {
                    let byte = bytes[index + length - 1]
                    if byte == delimiter[length - 1], bytes[index..<index + length].elementsEqual(delimiter) { break }
                    index += Int(shifts[Int(byte)])
                }
                return index
            }
        }
    }
}
