public import NIOHTTP1
public import SimpleAICore

/// The allow-lists of the header fields that the gateway forwards, in either direction.
///
/// Other fields that a caller's browser, proxies and tools send do not reach an engine: engines refuse calls because of them
/// (a foreign `Origin`), trust them (`X-Forwarded-For`), or act on them (`Cookie`, `OpenAI-Organization` next to the runner's
/// own key). Other fields of an engine do not reach the caller: its `Set-Cookie`, `Clear-Site-Data`,
/// `Strict-Transport-Security`, `Alt-Svc`, `Refresh` or `Location` would apply to the gateway's origin.
public enum ForwardedHeaders {
    /// Request fields with the same meaning for every engine; `traceparent` and `tracestate` are those of W3C Trace Context.
    private static let inEveryDialect = ["accept", "user-agent", "traceparent", "tracestate"]

    /// Further request fields of one dialect. Fields that select an account are not among them: the runner's settings
    /// determine its account, like its key.
    private static func request(_ dialect: Dialect) -> [String] {
        switch dialect {
        case .openAI: ["openai-beta", "idempotency-key"]
        case .anthropic: ["anthropic-version", "anthropic-beta", "idempotency-key"]
        case .ollama: []
        }
    }

    private static let requestFields = Dictionary(
        uniqueKeysWithValues: Dialect.allCases.map { ($0, FieldNames(inEveryDialect + request($0))) })

    /// Fields that describe the engine's response, or when to retry. The engine's rate limits, account and request id are not
    /// meant for the caller.
    private static let responseFields = FieldNames([
        "content-type", "content-language", "content-encoding", "retry-after", "x-should-retry", "traceresponse",
        "openai-processing-ms", "openai-version",
        // text-generation-inference: how a response was generated.
        "x-compute-type", "x-compute-time", "x-compute-characters", "x-total-time", "x-validation-time",
        "x-queue-time", "x-inference-time", "x-time-per-token", "x-prompt-tokens", "x-generated-tokens",
    ])

    /// The request head for the runner: the caller's fields that the dialect allows, and the gateway's own. The gateway has
    /// parsed the body as JSON in UTF-8, so `Content-Type` states that, whatever the caller stated (`charset=utf-7`); of a
    /// form it is the caller's, which `MultipartBoundary` has checked.
    /// `Accept-Encoding` is `identity`, because the gateway reads responses.
    public static func request(
        from head: HTTPRequestHead, path: String, dialect: Dialect, to upstream: Upstream,
        contentType: String = "application/json", bodyLength: Int, requestID: String
    ) -> HTTPRequestHead {
        var fields = [("Host", upstream.authority), ("Content-Type", contentType)]
        fields.reserveCapacity(12)
        copy(head.headers, requestFields[dialect] ?? .none, to: &fields)
        if let key = upstream.apiKey { fields.append(("Authorization", "Bearer \(key)")) }
        var headers = HTTPHeaders(fields)
        upstream.addHeaders(to: &headers)
        headers.add(
            contentsOf: HTTPHeaders([
                ("Accept-Encoding", "identity"), ("Content-Length", String(bodyLength)), ("X-Request-Id", requestID),
            ]))
        return HTTPRequestHead(version: .http1_1, method: .POST, uri: upstream.pathPrefix + path, headers: headers)
    }

    /// The engine's fields that are forwarded to the caller.
    public static func response(from head: HTTPResponseHead) -> HTTPHeaders {
        var fields: [(String, String)] = []
        fields.reserveCapacity(12)
        copy(head.headers, responseFields, to: &fields)
        return HTTPHeaders(fields)
    }

    private static func copy(_ headers: HTTPHeaders, _ listed: FieldNames, to fields: inout [(String, String)]) {
        let named = namedByConnection(headers)
        for (name, value) in headers where listed.contains(name) && !named.contains(name) {
            fields.append((name, value))
        }
    }

    private static let connection = FieldNames(["connection"])
    private static let connectionOptions = FieldNames(["close", "keep-alive"])

    /// The fields that `Connection` marks as hop-by-hop (RFC 9110 §7.6.1); it almost always contains only `close` or
    /// `keep-alive`, which are not field names.
    private static func namedByConnection(_ headers: HTTPHeaders) -> FieldNames {
        var isUsual = true
        for (name, value) in headers where connection.contains(name) && !connectionOptions.contains(value) {
            isUsual = false
        }
        return isUsual ? .none : FieldNames(headers[canonicalForm: "connection"].map(String.init))
    }
}
