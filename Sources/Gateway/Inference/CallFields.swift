import NIOHTTP1

/// The header fields that decide about a call, found in one pass over the head. Of a field that comes more than once the
/// first counts.
struct CallFields {
    private(set) var authorization: String?
    private(set) var requestID: String?
    private(set) var contentType: String?
    private(set) var contentLength: String?
    private(set) var expectation: String?
    private(set) var isEncoded = false
    /// `x-simpleai-explain: 1`
    private(set) var asksWhy = false

    init(_ headers: HTTPHeaders) {
        for (name, value) in headers {
            switch name.utf8.count {
            case 6: if expectation == nil, Self.isSame(name, "expect") { expectation = value }
            case 12:
                if contentType == nil, Self.isSame(name, "content-type") {
                    contentType = value
                } else if requestID == nil, Self.isSame(name, "x-request-id") {
                    requestID = value
                }
            case 13: if authorization == nil, Self.isSame(name, "authorization") { authorization = value }
            case 14: if contentLength == nil, Self.isSame(name, "content-length") { contentLength = value }
            case 16: if Self.isSame(name, "content-encoding") { isEncoded = true }
            case 18: if Self.isSame(name, "x-simpleai-explain") { asksWhy = value == "1" }
            default: break
            }
        }
    }

    /// Whether the body is JSON, by its media type; a request that names none is taken for it.
    var isJSON: Bool {
        guard let contentType, contentType != "application/json" else { return true }
        let type = String(Substring(contentType.utf8.prefix { $0 != UInt8(ascii: ";") })).lowercased()
        let name = type.split(separator: " ").joined()
        return name.isEmpty || name == "application/json" || name.hasSuffix("+json")
    }

    /// - Parameter lowercase: as long as `name`.
    private static func isSame(_ name: String, _ lowercase: StaticString) -> Bool {
        var index = 0
        for byte in name.utf8 {
            // Letters and the hyphen; no other byte becomes one of them by this.
            guard byte | 0x20 == lowercase.utf8Start[index], byte >= 0x2D else { return false }
            index += 1
        }
        return true
    }
}
