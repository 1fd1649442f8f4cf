/// Detects whether a body begins like an event stream (WHATWG HTML §9.2.5), whatever its media type is.
public enum EventStreamStart {
    public enum Detection: Hashable, Sendable {
        case eventStream, other
        /// The bytes so far may be the beginning of either.
        case undecided
    }

    /// `error` is not a field of the format, but older llama.cpp servers write it. A colon begins a comment.
    private static let prefixes = ["data:", "event:", "id:", "retry:", "error:", ":", "data\n", "data\r"].map {
        Array($0.utf8)
    }

    /// - Parameter bytes: the first bytes of the body.
    public static func detect(in bytes: ArraySlice<UInt8>) -> Detection {
        var rest = bytes
        if rest.starts(with: JSONGrammar.byteOrderMark) {
            rest = rest.dropFirst(3)
        } else if !rest.isEmpty, JSONGrammar.byteOrderMark.starts(with: rest) {
            return .undecided
        }
        rest = rest.drop { $0 == 0x0A || $0 == 0x0D }
        if prefixes.contains(where: { rest.starts(with: $0) }) { return .eventStream }
        return prefixes.contains { $0.starts(with: rest) } ? .undecided : .other
    }
}
