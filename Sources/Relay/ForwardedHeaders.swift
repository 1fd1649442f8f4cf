public import NIOHTTP1
public import SimpleAICore

/// Which header fields cross the gateway, in either direction: those that are listed, and no others.
///
/// What a caller's browser, proxies and tools say to the server in front of them is not said to an engine. Engines refuse
/// calls for it (a foreign `Origin`), believe it (`X-Forwarded-For`), or act on it (`Cookie`, `OpenAI-Organization` next
/// to the runner's own key). What engines say to the gateway is not said to callers either: their `Set-Cookie`,
/// `Clear-Site-Data`, `Strict-Transport-Security`, `Alt-Svc`, `Refresh` or `Location` would be about the gateway's origin.
public enum ForwardedHeaders {
    /// Fields of requests that say the same to every engine: what the response should look like, and whose work this is
    /// part of (W3C Trace Context).
    private static let inEveryDialect = ["accept", "user-agent", "traceparent", "tracestate"]

    /// Fields of a dialect's own that ask for something of the engine. Not those that choose an account: which one a call
    /// uses is the runner's business, as its key is.
    private static func request(_ dialect: Dialect) -> [String] {
        switch dialect {
        case .openAI: ["openai-beta", "idempotency-key"]
        }
    }

    private static let requestFields = Dictionary(
        uniqueKeysWithValues: Dialect.allCases.map { ($0, FieldNames(inEveryDialect + request($0))) })

    /// What an engine says about its response, and how to go on after it. Its rate limits, its account and its request id
    /// are not the caller's.
    private static let responseFields = FieldNames([
        "content-type", "content-language", "content-encoding", "retry-after", "x-should-retry", "traceresponse",
        "openai-processing-ms", "openai-version",
        // text-generation-inference: how a response was made.
        "x-compute-type", "x-compute-time", "x-compute-characters", "x-total-time", "x-validation-time",
        "x-queue-time", "x-inference-time", "x-time-per-token", "x-prompt-tokens", "x-generated-tokens",
    ])

    /// The head for the runner: the caller's fields that its dialect lists, and ours. The body has been read as JSON in
    /// UTF-8, so that is what its type says, whatever the caller's said (`charset=utf-7`); `identity` is the only accepted
    /// encoding, since responses are looked into.
    public static func request(
        from head: HTTPRequestHead, path: String, dialect: Dialect, to upstream: Upstream, bodyLength: Int,
        requestID: String
    ) -> HTTPRequestHead {
        var headers = HTTPHeaders()
        headers.reserveCapacity(12)
        headers.add(name: "Host", value: upstream.authority)
        headers.add(name: "Content-Type", value: "application/json")
        copy(head.headers, requestFields[dialect] ?? .none, to: &headers)
        if let key = upstream.apiKey { headers.add(name: "Authorization", value: "Bearer \(key)") }
        upstream.addHeaders(to: &headers)
        headers.add(name: "Accept-Encoding", value: "identity")
        headers.add(name: "Content-Length", value: String(bodyLength))
        headers.add(name: "X-Request-Id", value: requestID)
        return HTTPRequestHead(version: .http1_1, method: .POST, uri: upstream.pathPrefix + path, headers: headers)
    }

    /// The engine's fields that reach the caller.
    public static func response(from head: HTTPResponseHead) -> HTTPHeaders {
        var headers = HTTPHeaders()
        headers.reserveCapacity(12)
        copy(head.headers, responseFields, to: &headers)
        return headers
    }

    private static func copy(_ fields: HTTPHeaders, _ listed: FieldNames, to headers: inout HTTPHeaders) {
        let named = namedByConnection(fields)
        for (name, value) in fields where listed.contains(name) && !named.contains(name) {
            headers.add(name: name, value: value)
        }
    }

    private static let connection = FieldNames(["connection"])
    private static let connectionOptions = FieldNames(["close", "keep-alive"])

    /// What the sender itself calls hop-by-hop (RFC 9110 §7.6.1); `close` and `keep-alive` are no fields, and almost always
    /// all there is.
    private static func namedByConnection(_ headers: HTTPHeaders) -> FieldNames {
        var isUsual = true
        for (name, value) in headers where connection.contains(name) && !connectionOptions.contains(value) {
            isUsual = false
        }
        return isUsual ? .none : FieldNames(headers[canonicalForm: "connection"].map(String.init))
    }
}
