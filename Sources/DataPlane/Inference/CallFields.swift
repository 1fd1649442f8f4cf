import ContentCodings
import NIOHTTP1

/// The header fields that determine a call, collected in one pass over the head. Heads in which one of them is repeated
/// have already been refused (`SingleFields`); Content-Encoding is a list.
struct CallFields {
    private(set) var authorization: String?
    /// A bare token, in one of `RequestCredentials.tokenFields`; nil for none. If there are several, they are equal.
    private(set) var token: String?
    /// The client's id of its conversation, as some agents state it.
    private(set) var session: String?
    private(set) var requestID: String?
    private(set) var contentType: String?
    /// Whether the media type means JSON in UTF-8; a request without a type counts as JSON. Other charsets are refused,
    /// because software that applies them would read a different text from the same bytes.
    private(set) var isJSON = true
    private(set) var contentLength: String?
    private(set) var expectation: String?
    /// The content coding of the body; nil for none, and for an unsupported one.
    private(set) var coding: ContentCoding?
    private(set) var hasUnsupportedCoding = false
    /// `x-simpleai-explain: 1`
    private(set) var wantsReasons = false

    init(_ headers: HTTPHeaders) {
        var codings: [String] = []
        for (name, value) in headers {
            switch name.utf8.count {
            case 6: if expectation == nil, Self.isSame(name, "expect") { expectation = value }
            case 7: if Self.isSame(name, "api-key") { note(token: value) }
            case 9: if Self.isSame(name, "x-api-key") { note(token: value) }
            // Codex.
            case 10: if session == nil, Self.isSame(name, "session-id") { session = value }
            case 12:
                if contentType == nil, Self.isSame(name, "content-type") {
                    contentType = value
                } else if requestID == nil, Self.isSame(name, "x-request-id") {
                    requestID = value
                }
            case 13: if authorization == nil, Self.isSame(name, "authorization") { authorization = value }
            case 14: if contentLength == nil, Self.isSame(name, "content-length") { contentLength = value }
            case 16: if Self.isSame(name, "content-encoding") { codings.append(value) }
            case 18: if Self.isSame(name, "x-simpleai-explain") { wantsReasons = value == "1" }
            case 24: if Self.isSame(name, "x-claude-code-session-id") { session = value }
            default: break
            }
        }
        if !codings.isEmpty { note(codings: codings) }
        if let contentType, contentType != "application/json" { isJSON = Self.isJSON(contentType) }
    }

    private mutating func note(token value: String) {
        if token == nil, !value.isEmpty { token = value }
    }

    private mutating func note(codings: [String]) {
        switch ContentCoding.reading(codings) {
        case .coded(let coding): self.coding = coding
        case .unsupported: hasUnsupportedCoding = true
        default: break
        }
    }

    private static func isJSON(_ mediaType: String) -> Bool {
        let parts = mediaType.lowercased().split(separator: ";", omittingEmptySubsequences: false)
            .map { $0.filter { $0 != " " && $0 != "\t" } }
        let name = parts.first ?? ""
        let charsets = parts.dropFirst().filter { $0.hasPrefix("charset=") }
            .map { $0.dropFirst("charset=".count).filter { $0 != "\"" } }
        return (name.isEmpty || name == "application/json" || name.hasSuffix("+json"))
            && charsets.allSatisfy { ["utf-8", "utf8", "us-ascii"].contains($0) }
    }

    /// - Parameter lowercase: as long as `name`.
    private static func isSame(_ name: String, _ lowercase: StaticString) -> Bool {
        var index = 0
        for byte in name.utf8 {
            // Letters and the hyphen; this maps no other byte to one of them.
            guard byte | 0x20 == lowercase.utf8Start[index], byte >= 0x2D else { return false }
            index += 1
        }
        return true
    }
}
