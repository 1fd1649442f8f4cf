/// The content coding of a body, from `Content-Encoding` (RFC 9110 §8.4).
public enum ContentCoding: Hashable, Sendable {
    case gzip
    /// The zlib format (RFC 1950), or raw DEFLATE (RFC 1951): RFC 9110 §8.4.1.2 notes that some clients omit the
    /// wrapper.
    case deflate

    /// The value of `Accept-Encoding` in the response to an unsupported coding (RFC 7694); `identity` is implied.
    public static let accepted = "gzip, deflate"

    /// What the fields of a request declare.
    public enum Reading: Hashable, Sendable {
        case identity
        case coded(ContentCoding)
        /// An unknown coding, or more than one.
        case unsupported
    }

    /// - Parameter fields: the values of all `Content-Encoding` fields, which form one list. `identity` and empty elements
    ///   are ignored.
    public static func reading(_ fields: some Sequence<String>) -> Reading {
        var found: [ContentCoding] = []
        for field in fields {
            for element in field.utf8.split(separator: UInt8(ascii: ",")) {
                let name = element.filter { $0 != 0x20 && $0 != 0x09 }
                    .map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
                switch String(decoding: name, as: UTF8.self) {
                case "", "identity": continue
                case "gzip", "x-gzip": found.append(.gzip)
                case "deflate": found.append(.deflate)
                default: return .unsupported
                }
            }
        }
        return found.isEmpty ? .identity : found.count == 1 ? .coded(found[0]) : .unsupported
    }
}
