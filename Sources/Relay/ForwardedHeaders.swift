public import NIOHTTP1

/// Which headers cross the gateway, in either direction.
public enum ForwardedHeaders {
    /// RFC 9110 §7.6.1, and what older software adds to that list.
    private static let hopByHop = [
        "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    ]
    /// The caller's own secrets, and what we set ourselves.
    private static let neverUpstream = FieldNames(
        hopByHop + [
            "authorization", "cookie", "host", "content-length", "content-encoding", "accept-encoding", "expect",
            "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "api-key",
            "x-api-key", "x-request-id",
        ], beginning: ["x-simpleai-", "proxy-"])
    private static let neverDownstream = FieldNames(
        hopByHop + [
            "www-authenticate", "set-cookie", "content-length", "server", "date", "x-request-id",
        ], beginning: ["x-simpleai-", "access-control-", "x-ratelimit-"])

    /// The head for the runner: the caller's headers without hop-by-hop ones, secrets, our own namespace and names
    /// with underscores; with the runner's key, an exact length, and `identity` as the only accepted encoding, since
    /// answers are looked into.
    public static func request(
        from head: HTTPRequestHead, path: String, to upstream: Upstream, bodyLength: Int, requestID: String
    ) -> HTTPRequestHead {
        var headers = HTTPHeaders()
        headers.reserveCapacity(head.headers.count + 4)
        headers.add(name: "Host", value: upstream.authority)
        let named = namedByConnection(head.headers)
        for (name, value) in head.headers {
            // Behind CGI or WSGI `X_Real_IP` would be taken for `X-Real-IP`, which callers may not set.
            if neverUpstream.contains(name) || named.contains(name) || name.utf8.contains(UInt8(ascii: "_")) {
                continue
            }
            headers.add(name: name, value: value)
        }
        if let key = upstream.apiKey { headers.add(name: "Authorization", value: "Bearer \(key)") }
        headers.add(name: "Accept-Encoding", value: "identity")
        headers.add(name: "Content-Length", value: String(bodyLength))
        headers.add(name: "X-Request-Id", value: requestID)
        return HTTPRequestHead(version: .http1_1, method: .POST, uri: upstream.pathPrefix + path, headers: headers)
    }

    /// The engine's headers that reach the caller.
    public static func response(from head: HTTPResponseHead) -> HTTPHeaders {
        var headers = HTTPHeaders()
        headers.reserveCapacity(head.headers.count + 8)
        let named = namedByConnection(head.headers)
        for (name, value) in head.headers {
            if neverDownstream.contains(name) || named.contains(name) { continue }
            headers.add(name: name, value: value)
        }
        return headers
    }

    private static let connection = FieldNames(["connection"])
    private static let connectionOptions = FieldNames(["close", "keep-alive"])

    /// What the sender itself calls hop-by-hop; `close` and `keep-alive` are no fields, and almost always all there is.
    private static func namedByConnection(_ headers: HTTPHeaders) -> FieldNames {
        var isUsual = true
        for (name, value) in headers where connection.contains(name) && !connectionOptions.contains(value) {
            isUsual = false
        }
        return isUsual ? .none : FieldNames(headers[canonicalForm: "connection"].map(String.init))
    }
}
