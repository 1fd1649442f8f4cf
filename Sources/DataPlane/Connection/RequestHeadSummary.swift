import SimpleAICore
import NIOHTTP1
import Relay

/// Facts about a request head, collected line by line: method, target, host, body length and credentials.
struct RequestHeadSummary {
    enum BodyLength: Hashable {
        case none
        case bytes(Int)
        case chunks
    }

    private var method = HTTPMethod.GET
    private var target = ""
    private var isVersion11 = true
    private var hosts = 0
    private var single = SingleFields()
    /// Whether a token field has occurred: then several fields may carry credentials.
    private var hasToken = false
    private var contentLength: Int?
    private var isChunked = false

    init() {}

    // MARK: The request line

    /// Parses a request line (RFC 9112 §3).
    init(requestLine line: UnsafeRawBufferPointer) throws(RequestParser.Violation) {
        let version = line.count - Self.version11.utf8CodeUnitCount
        guard version >= 4, let methodEnd = line.firstIndex(of: Byte.space), methodEnd > 0 else { throw .requestLine }
        switch (Byte.equal(line[version...], Self.version11), Byte.equal(line[version...], Self.version10)) {
        case (true, _): isVersion11 = true
        case (_, true): isVersion11 = false
        default: throw .requestLine
        }
        let targetEnd = version - 1
        guard line[targetEnd] == Byte.space, methodEnd + 1 < targetEnd else { throw .requestLine }
        for byte in line[..<methodEnd] where !Byte.isToken(byte) { throw .requestLine }
        let target = line[(methodEnd + 1)..<targetEnd]
        for byte in target where byte <= Byte.space || byte >= Byte.delete { throw .requestLine }
        guard Self.isTarget(target, of: line[..<methodEnd]), let method = Self.method(line[..<methodEnd]) else {
            throw .requestLine
        }
        self.method = method
        self.target = String(decoding: target, as: UTF8.self)
    }

    /// Nil for an unregistered method: it may be the end of another request's body.
    private static func method(_ name: Slice<UnsafeRawBufferPointer>) -> HTTPMethod? {
        if Byte.equal(name, "POST") { return .POST }
        let method = HTTPMethod(rawValue: String(decoding: name, as: UTF8.self))
        return if case .RAW = method { nil } else { method }
    }

    private static let version11: StaticString = "HTTP/1.1"
    private static let version10: StaticString = "HTTP/1.0"

    /// Whether a target has a form of RFC 9112 §3.2 that its method allows. Authority form is refused, because the
    /// gateway offers no `CONNECT` tunnels.
    private static func isTarget(_ target: Slice<UnsafeRawBufferPointer>, of method: Slice<UnsafeRawBufferPointer>)
        -> Bool
    {
        if Byte.equal(method, "CONNECT") { return false }
        if target.first == UInt8(ascii: "/") { return true }
        if target.first == UInt8(ascii: "*") { return target.count == 1 && Byte.equal(method, "OPTIONS") }
        for scheme in ["http://", "https://"] as [StaticString] {
            let length = scheme.utf8CodeUnitCount
            guard target.count > length, Byte.equalIgnoringCase(target.prefix(length), scheme) else { continue }
            let authority = target.dropFirst(length).prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
            return !authority.isEmpty && authority.allSatisfy(Byte.isInHost)
        }
        return false
    }

    // MARK: Fields

    mutating func note(_ field: FieldLine) throws(RequestParser.Violation) {
        if let name = single.repeated(field.name) { throw .repeated(name) }
        switch field.name.count {
        case 4:
            guard Byte.equalIgnoringCase(field.name, "host") else { return }
            hosts += 1
            guard hosts == 1, field.value.allSatisfy(Byte.isInHost) else { throw .host }
        case 7: if Byte.equalIgnoringCase(field.name, "api-key") { hasToken = true }
        case 9: if Byte.equalIgnoringCase(field.name, "x-api-key") { hasToken = true }
        case 14:
            guard Byte.equalIgnoringCase(field.name, "content-length") else {
                if Byte.equalIgnoringCase(field.name, "content_length") { throw .length }
                return
            }
            guard contentLength == nil else { throw .length }
            contentLength = try Self.length(field.value)
        case 17:
            guard Byte.equalIgnoringCase(field.name, "transfer-encoding") else {
                // Software that maps names to variables, as CGI does, does not distinguish the two spellings.
                if Byte.equalIgnoringCase(field.name, "transfer_encoding") { throw .length }
                return
            }
            guard !isChunked, Byte.equalIgnoringCase(field.value, "chunked") else { throw .length }
            isChunked = true
        default: break
        }
    }

    /// Digits only, and few enough for an `Int`.
    private static func length(_ value: Slice<UnsafeRawBufferPointer>) throws(RequestParser.Violation) -> Int {
        guard (1...18).contains(value.count) else { throw .length }
        var length = 0
        for byte in value {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { throw .length }
            length = length * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return length
    }

    /// Body framing by RFC 9112 §6.3, without the leniency it allows. Call when the head is complete.
    func bodyLength() throws(RequestParser.Violation) -> BodyLength {
        if isVersion11, hosts == 0 { throw .host }
        if isChunked {
            guard isVersion11, contentLength == nil else { throw .length }
            return .chunks
        }
        guard let contentLength, contentLength > 0 else { return .none }
        return .bytes(contentLength)
    }

    /// The head as the handlers of the request receive it.
    func head(_ headers: HTTPHeaders) throws(RequestParser.Violation) -> HTTPRequestHead {
        if hasToken {
            let tokens = RequestCredentials.tokenFields.compactMap { headers.first(name: $0) }
            let authorization = headers.first(name: "authorization")
            guard RequestCredentials.agree(authorization: authorization, tokens: tokens) else {
                let hasVersion = headers.contains(name: Dialect.anthropicVersion)
                throw .credentials(Dialect(ofRequest: target, hasAnthropicVersion: hasVersion))
            }
        }
        return HTTPRequestHead(
            version: isVersion11 ? .http1_1 : .http1_0, method: method, uri: target, headers: headers)
    }
}
