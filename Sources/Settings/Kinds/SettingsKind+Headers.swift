import SimpleAICore

extension SettingsKind where Value == String {
    /// A header field that an operator may add to requests to an engine: any except fields that describe the message or
    /// its routing (RFC 9110 §7.6, RFC 9112 §6) and fields that the gateway sets.
    static var runnerHeaderName: Self {
        .init("a header's name like Authorization") { text throws(SettingsMismatch) in
            let name = text.lowercased()
            guard !name.isEmpty, name.utf8.count <= 256, name.utf8.allSatisfy(isTokenByte) else {
                throw .init("is not a valid header name; use letters, digits and -")
            }
            guard !ownHeaders.contains(ExactString(name)), !name.hasPrefix("x-simpleai-") else {
                throw .init("is a header that the gateway sets, or a hop-by-hop header; remove it")
            }
            return text
        }
    }

    /// The value of a header field; a secret, never quoted in messages.
    static var headerValue: Self {
        .init("a header's value") { text throws(SettingsMismatch) in
            guard !text.isEmpty else { throw .init("is empty; set the header's value, or remove it") }
            guard text.utf8.count <= maxHeaderValue, text.utf8.allSatisfy({ (0x20...0x7E).contains($0) || $0 == 0x09 }),
                text.first != " ", text.last != " ", text.first != "\t", text.last != "\t"
            else {
                throw .init(
                    "is not a valid header value; use at most \(maxHeaderValue) ASCII characters, without surrounding "
                        + "spaces and without line breaks")
            }
            return text
        }
    }

    private static var maxHeaderValue: Int { 8_192 }

    private static var ownHeaders: Set<ExactString> {
        [
            "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "host",
            "content-length", "content-type", "content-encoding", "accept-encoding", "expect", "x-request-id",
        ]
    }

    /// A character of a token (RFC 9110 §5.6.2).
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
