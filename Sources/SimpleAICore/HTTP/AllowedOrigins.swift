/// The web origins whose pages may call the API, and the CORS fields for their browsers (Fetch Standard §3.3). Origins
/// are compared byte by byte; without allowed origins the gateway sends no CORS fields.
package struct AllowedOrigins: Sendable {
    /// Response fields that scripts may read, in addition to the CORS-safelisted ones.
    private static let exposed = [
        "retry-after", "server-timing", "x-ratelimit-limit-requests", "x-ratelimit-limit-tokens",
        "x-ratelimit-remaining-requests", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-requests",
        "x-ratelimit-reset-tokens", "x-request-id", "x-simpleai-model", "x-simpleai-runner", "x-simpleai-wake",
    ].joined(separator: ", ")
    /// In seconds. Browsers may cache a preflight response this long, so a removed origin loses access within this time.
    private static let maxAge = 600
    private static let maxListLength = 2048

    private let origins: Set<ExactString>

    package init(_ origins: [String]) {
        self.origins = Set(origins.map { ExactString($0) })
    }

    package var isEmpty: Bool { origins.isEmpty }

    /// Only inference and related paths: no web page has access to the admin API, metrics and agent sockets.
    package static func covers(_ path: String) -> Bool {
        ["/v1/", "/v2/", "/api/", "/openai/"].contains { path.utf8.starts(with: $0.utf8) }
            || Endpoint(rawValue: path) != nil
    }

    package func allows(_ origin: String?) -> Bool { origin.map { origins.contains(ExactString($0)) } ?? false }

    /// The fields for a response to a request from this origin. `Vary` is included even if the origin is not allowed.
    package func fields(for origin: String?) -> [(name: String, value: String)] {
        guard !isEmpty else { return [] }
        guard let origin, allows(origin) else { return [("Vary", "Origin")] }
        return [
            ("Vary", "Origin"), ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", Self.exposed),
        ]
    }

    /// The fields for the response to a preflight request (§3.2.2), which carries no credentials. All request headers are
    /// allowed, because access depends on the token.
    /// - Parameter requested: the value of `Access-Control-Request-Headers`.
    package func preflight(for origin: String, methods: [String], requested: String?) -> [(name: String, value: String)]
    {
        var fields = [
            ("Vary", "Origin"), ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Methods", methods.joined(separator: ", ")),
            ("Access-Control-Max-Age", String(Self.maxAge)),
        ]
        if let requested, Self.isListOfNames(requested) { fields.append(("Access-Control-Allow-Headers", requested)) }
        return fields
    }

    private static func isListOfNames(_ text: String) -> Bool {
        text.utf8.count <= maxListLength
            && text.utf8.allSatisfy { Byte.isToken($0) || $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: " ") }
    }
}
