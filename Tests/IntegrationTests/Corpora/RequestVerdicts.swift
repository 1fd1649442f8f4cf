/// Requests for which this gateway's verdict differs from gunicorn's, each with its reason.
enum RequestVerdicts {
    /// gunicorn accepts these under the settings of the file; the gateway refuses them.
    static let refused: [String: String] = [
        "valid/009": coding, "valid/025": coding, "valid/025_line": coding, "valid/029": coding, "valid/030": coding,
        "valid/rfc9112_smuggle_gzip_chunked_01": coding, "valid/rfc9112_smuggle_te_identity_chunked_01": coding,
        "valid/013": "whitespace in a chunk's extension (RFC 9112 §7.1.1 calls it bad)",
        "valid/099": "half of the body that it announces; on an open socket that is no whole request",
        "valid/027": "a target is ASCII (RFC 3986)",
        "valid/028": "whitespace before a colon must be refused (RFC 9112 §5.1); gunicorn has an option to strip it",
        "valid/031": method, "valid/031compat": method, "valid/031compat2": method,
        "valid/040": lookalike, "valid/040_compat": lookalike,
        "valid/compat_obs_fold": folding, "valid/compat_obs_fold_huge": folding,
        "valid/pp_01": proxyProtocol, "valid/pp_02": proxyProtocol, "valid/pp_04": proxyProtocol,
        "valid/pp_05": proxyProtocol,
        "valid/rfc9112_target_absolute_userinfo_01": "a user in a target is an error (RFC 9110 §4.2.4)",
        "valid/rfc9112_target_authority_connect_01": tunnel, "valid/rfc9112_target_authority_ipv6_01": tunnel,
    ]

    /// gunicorn refuses these, mostly because the file sets one of its limits very low; the gateway accepts them.
    static let accepted: [String: String] = [
        "invalid/006": limit, "invalid/007": limit, "invalid/008": limit, "invalid/009": limit, "invalid/010": limit,
        "invalid/011": limit, "invalid/012": limit, "invalid/017": limit, "invalid/limit_header_default_01": limit,
        "invalid/019": "`X-Forwarded-*` of callers is neither believed nor forwarded, so it cannot contradict itself",
    ]

    /// The number of responses to files with more than one request.
    static let responses = ["valid/018": 2, "valid/022": 2, "valid/023": 2]

    /// The bytes that were parsed are valid, so the last response may be a 404; then the connection ends.
    static let endsBeforeItsFault: [String: String] = [
        "valid/019":
            "its second request has no `Host`, but the first one, of HTTP/1.0, is the last that is listened to",
        "valid/099": "a good head and half a body",
        "invalid/rfc9112_chunked_missing_final_crlf_01": "a good head and a body that only lacks its end",
    ]

    private static let coding = "no transfer coding but chunked is known here (RFC 9112 §6.1 lets us refuse)"
    private static let method = "a method that HTTP does not know; gunicorn's applications may define their own"
    private static let lookalike = "to CGI and WSGI software behind us the name would be the framing field's"
    private static let folding = "folded lines must be refused (RFC 9112 §5.2); gunicorn has an option to join them"
    private static let proxyProtocol = "the PROXY protocol is not spoken here"
    private static let tunnel = "CONNECT asks for a tunnel, which this gateway is not"
    private static let limit = "within this gateway's one limit, 64 KiB for the whole head"
}

/// Requests as bytes.
enum RawRequest {
    /// Adds `Host` to every HTTP/1.1 head that has none. A body that only looks like a request stays unchanged.
    static func withHost(_ bytes: [UInt8]) -> [UInt8] {
        let end = Array(" HTTP/1.1\r\n".utf8)
        var result: [UInt8] = []
        var rest = bytes[...]
        while let line = firstRange(of: end, in: rest) {
            result += rest[..<line.upperBound]
            let head = rest[line.upperBound...]
            let headEnd = firstRange(of: Array("\r\n\r\n".utf8), in: rest[(line.upperBound - 2)...])?.lowerBound
            let fields = String(decoding: head[..<max(headEnd ?? head.endIndex, head.startIndex)], as: UTF8.self)
            let isBody = String(decoding: result, as: UTF8.self).contains("Content-Length: 24")
            if !isBody, !("\r\n" + fields).lowercased().contains("\r\nhost:") { result += Array("Host: x\r\n".utf8) }
            rest = head
        }
        return result + rest
    }

    private static func firstRange(of pattern: [UInt8], in bytes: ArraySlice<UInt8>) -> Range<Int>? {
        guard bytes.count >= pattern.count else { return nil }
        for start in bytes.startIndex...(bytes.endIndex - pattern.count)
        where bytes[start..<start + pattern.count].elementsEqual(pattern) {
            return start..<start + pattern.count
        }
        return nil
    }
}
