/// The part of a child process's output that is kept; the rest is read and discarded, so that the process never waits
/// for a reader.
public enum OutputCapture: Hashable, Sendable {
    /// The process writes to the null device.
    case discarded
    /// The first bytes.
    case first(Int)
    /// The last bytes.
    case last(Int)
}

/// The bytes that a capture keeps.
struct CapturedOutput {
    private(set) var bytes: [UInt8] = []
    private let capture: OutputCapture

    init(_ capture: OutputCapture) {
        self.capture = capture
    }

    mutating func append(_ piece: some Collection<UInt8>) {
        switch capture {
        case .discarded: break
        case .first(let count): bytes += piece.prefix(max(0, count - bytes.count))
        case .last(let count):
            bytes += piece.suffix(count)
            if bytes.count > count { bytes.removeFirst(bytes.count - count) }
        }
    }
}
