public import NIOCore
public import SimpleAICore

/// Reads the cost that a stream of server-sent events states while the stream is forwarded byte for byte: the member `usage`
/// of its events.
///
/// An event of an image or a sound is one line of megabytes, so none is collected: the size of the state is constant. Data
/// that is not a JSON object states nothing.
public struct EventUsageReader {
    private enum State {
        /// At the beginning of a line, after this many bytes of `data:`.
        case name(Int)
        case data
        case otherLine
    }

    public private(set) var usage: TokenUsage?
    /// In seconds.
    public private(set) var audioSeconds: Double?

    private let addsUsage: Bool
    private var state = State.name(0)
    private var followsCarriageReturn = false
    private var scanner = Self.unusedScanner
    private var value: MemberValue?

    /// - Parameter addsUsage: whether each event states the cost of a result of its own, as those of images do. Otherwise
    ///   the last event that states a cost states all of it.
    public init(addsUsage: Bool) { self.addsUsage = addsUsage }

    private static let usageKey = 0
    private static let unusedScanner = DocumentScanner(watching: ["usage", "duration"])
    private static let name: StaticString = "data:"

    /// Reads the next bytes of the stream.
    public mutating func receive(_ bytes: ByteBuffer) {
        bytes.withUnsafeReadableBytes { bytes in
            var index = 0
            while index < bytes.count { index = step(bytes, from: index) }
        }
    }

    /// - Returns: the index of the next byte to read.
    private mutating func step(_ bytes: UnsafeRawBufferPointer, from index: Int) -> Int {
        switch state {
        case .name(let count):
            let byte = bytes[index]
            if byte == Byte.lineFeed || byte == Byte.carriageReturn {
                lineEnded(by: byte)
            } else {
                followsCarriageReturn = false
                let isNext = byte == Self.name.utf8Start[count]
                state = !isNext ? .otherLine : count + 1 == Self.name.utf8CodeUnitCount ? .data : .name(count + 1)
            }
            return index + 1
        case .data, .otherLine:
            let end = bytes[index...].firstIndex { $0 == Byte.lineFeed || $0 == Byte.carriageReturn } ?? bytes.count
            if case .data = state { scan(UnsafeRawBufferPointer(rebasing: bytes[index..<end])) }
            guard end < bytes.count else { return end }
            lineEnded(by: bytes[end])
            return end + 1
        }
    }

    private mutating func lineEnded(by byte: UInt8) {
        // The second byte of CR LF is no line of its own.
        let isSecond = byte == Byte.lineFeed && followsCarriageReturn
        followsCarriageReturn = byte == Byte.carriageReturn
        if isSecond { return }
        // An empty line ends the event.
        if case .name(0) = state { (scanner, value) = (Self.unusedScanner, nil) }
        state = .name(0)
    }

    private mutating func scan(_ bytes: UnsafeRawBufferPointer) {
        guard !scanner.isMalformed, bytes.count > 0 else { return }
        let start = scanner.offset
        var found: [DocumentScanner.Event] = []
        scanner.scan(bytes) { found.append($0) }
        for event in found {
            switch event {
            case .valueBegan(let key, let position): value = MemberValue(key: key, start: position)
            case .valueHasContent: break
            case .valueEnded(_, let end):
                collect(bytes, from: start, to: end)
                if let value, let json = value.json { note(json, of: value.key) }
                value = nil
            }
        }
        collect(bytes, from: start, to: start + bytes.count)
    }

    private mutating func collect(_ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int) {
        if value?.append(bytes, from: start, to: end) == false { value = nil }
    }

    private mutating func note(_ json: JSONSlice, of key: Int) {
        guard key == Self.usageKey else {
            audioSeconds = audioSeconds ?? AudioDuration.number(json)
            return
        }
        if let seconds = AudioDuration.seconds(inUsage: json) { audioSeconds = seconds }
        guard let stated = TokenUsage(json) else { return }
        usage = addsUsage ? usage?.adding(stated) ?? stated : stated
    }
}

extension TokenUsage {
    fileprivate func adding(_ other: TokenUsage) -> TokenUsage {
        func sum(_ count: KeyPath<TokenUsage, Int>) -> Int {
            let (sum, isOverflow) = self[keyPath: count].addingReportingOverflow(other[keyPath: count])
            return isOverflow ? .max : sum
        }
        return TokenUsage(
            prompt: sum(\.prompt), completion: sum(\.completion), cached: sum(\.cached), reasoning: sum(\.reasoning))
    }
}
