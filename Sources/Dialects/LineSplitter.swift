/// Splits a stream of bytes into lines, regardless of read boundaries. Lines end with LF or CR LF; blank lines are
/// skipped.
public struct LineSplitter: Sendable {
    /// A line exceeds the limit; the stream cannot be read further.
    public struct TooLong: Error {
        /// In bytes.
        public let limit: Int
    }

    private let maxLine: Int
    private var pending: [UInt8] = []
    /// Index of the first byte of the unfinished line, and of the first byte that has not been searched.
    private var start = 0
    private var searched = 0

    /// - Parameter maxLine: in bytes, without the line break.
    public init(maxLine: Int = 32 << 20) { self.maxLine = maxLine }

    /// Number of bytes that have not been returned as lines.
    public var pendingBytes: Int { pending.count - start }

    /// Adds bytes to the stream; `next` returns the lines that they complete.
    public mutating func append(_ bytes: some Collection<UInt8>) {
        if start > 0, start >= pending.count / 2 {
            pending.removeFirst(start)
            searched -= start
            start = 0
        }
        pending.append(contentsOf: bytes)
    }

    /// The next complete line without its line break; nil until it has arrived.
    public mutating func next() throws(TooLong) -> ArraySlice<UInt8>? {
        while let end = lineFeed() {
            var line = pending[start..<end]
            (start, searched) = (end + 1, end + 1)
            if line.last == 0x0D { line.removeLast() }
            guard line.count <= maxLine else { throw TooLong(limit: maxLine) }
            if !Self.isBlank(line) { return line }
        }
        // A CR at the end may belong to the line break.
        guard pendingBytes - (pending.last == 0x0D ? 1 : 0) <= maxLine else { throw TooLong(limit: maxLine) }
        return nil
    }

    /// Takes the last line at the end of the stream, if the engine left out its line break; nil if there is none.
    public mutating func takeRest() -> ArraySlice<UInt8>? {
        var line = pending[start...]
        if line.last == 0x0D { line.removeLast() }
        (pending, start, searched) = ([], 0, 0)
        return Self.isBlank(line) ? nil : line
    }

    private mutating func lineFeed() -> Int? {
        pending.withUnsafeBufferPointer { bytes in
            while searched < bytes.count {
                if bytes[searched] == 0x0A { return searched }
                searched += 1
            }
            return nil
        }
    }

    private static func isBlank(_ line: ArraySlice<UInt8>) -> Bool {
        line.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
    }
}
