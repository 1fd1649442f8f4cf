/// How a body is encoded, by its `Content-Encoding` (RFC 9110 §8.4).
public enum ContentCoding: Hashable, Sendable {
    case gzip
    /// The zlib format (RFC 1950), or DEFLATE alone (RFC 1951): §8.4.1.2 tells of clients that leave the wrapper away.
    case deflate

    /// What a refusal tells with `Accept-Encoding` (RFC 7694); `identity` goes without saying.
    public static let accepted = "gzip, deflate"

    public enum Reading: Hashable, Sendable {
        case identity
        case coded(ContentCoding)
        /// A coding that is not known here, or more than one.
        case unsupported
    }

    /// - Parameter fields: the values of all `Content-Encoding` fields: together they are one list. Codings without
    ///   effect and empty elements are left out.
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
