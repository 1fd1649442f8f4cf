import Relay
import SimpleAICore

/// Which web pages may call from a browser, and what their browsers are told (Fetch Standard §3.3). An origin is allowed
/// letter for letter; without any the gateway says nothing of the kind.
struct AllowedOrigins: Sendable {
    /// What scripts may read of answers beside the few fields that they always may.
    private static let exposed = [
        "retry-after", "server-timing", "x-ratelimit-limit-requests", "x-ratelimit-limit-tokens",
        "x-ratelimit-remaining-requests", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-requests",
        "x-ratelimit-reset-tokens", "x-request-id", "x-simpleai-model", "x-simpleai-runner", "x-simpleai-wake",
    ].joined(separator: ", ")
    /// In seconds. Browsers ask again after this time, so that whoever is no longer allowed is gone by then.
    private static let rememberedFor = 600
    private static let longestList = 2048

    private let origins: Set<ExactString>

    init(_ origins: [String]) {
        self.origins = Set(origins.map { ExactString($0) })
    }

    var isEmpty: Bool { origins.isEmpty }

    /// Only inference and what belongs to it: the admin surface, metrics and runners are nothing for other pages.
    static func covers(_ path: String) -> Bool { path.hasPrefix("/v1/") }

    func allows(_ origin: String?) -> Bool { origin.map { origins.contains(ExactString($0)) } ?? false }

    /// For an answer to a request from this origin. The answer depends on it, also where it is not allowed.
    func fields(for origin: String?) -> [(name: String, value: String)] {
        guard !isEmpty else { return [] }
        guard let origin, allows(origin) else { return [("Vary", "Origin")] }
        return [
            ("Vary", "Origin"), ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", Self.exposed),
        ]
    }

    /// For the question whether a request may be sent (§3.2.2), which carries no credentials. That the page may send any
    /// header is its own business: who calls is decided by the token.
    /// - Parameter requested: the value of `Access-Control-Request-Headers`.
    func preflight(for origin: String, methods: [String], requested: String?) -> [(name: String, value: String)] {
        var fields = [
            ("Vary", "Origin"), ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Methods", methods.joined(separator: ", ")),
            ("Access-Control-Max-Age", String(Self.rememberedFor)),
        ]
        if let requested, Self.isListOfNames(requested) { fields.append(("Access-Control-Allow-Headers", requested)) }
        return fields
    }

    private static func isListOfNames(_ text: String) -> Bool {
        text.utf8.count <= longestList
            && text.utf8.allSatisfy { Byte.isToken($0) || $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: " ") }
    }
}
