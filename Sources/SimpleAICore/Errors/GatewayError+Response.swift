/// The status code of each error: the one table from error codes to responses.
extension GatewayError {
    /// - Parameter permissionDeniedStatus: 403, or 400 for clients of older deployments.
    package func status(permissionDeniedStatus: Int = 403) -> Int {
        switch code {
        case .invalidJSON, .invalidRequest: 400
        case .invalidAPIKey: 401
        case .permissionDenied: permissionDeniedStatus
        case .modelNotFound, .notFound: 404
        case .methodNotAllowed: 405
        case .requestTimeout: 408
        case .requestTooLarge: 413
        case .unsupportedMediaType: 415
        case .headersTooLarge: 431
        case .rateLimitExceeded: 429
        case .internalError: 500
        case .endpointNotSupported: 501
        case .upstreamError: 502
        case .noRunnerAvailable, .queueFull, .wakeFailed, .keysUnavailable, .shuttingDown: 503
        case .wakeTimeout, .upstreamTimeout: 504
        }
    }

    package var body: ErrorBody {
        let standard = ErrorBody(message: message, type: Self.type(of: code), param: param, code: code.rawValue)
        return engine.map { ErrorBody($0, standard: standard) } ?? standard
    }

    /// The header fields that belong to the error.
    /// - Parameter allowing: the methods that a 405 has to list.
    package func headers(allowing methods: [String] = []) -> [(name: String, value: String)] {
        var headers: [(name: String, value: String)] = []
        if code == .invalidAPIKey {
            // RFC 6750 §3.1: no error attribute if the request carried no token.
            let hadToken = !message.isExactly(Self.missingCredentials.message)
            let detail = hadToken ? ", error=\"invalid_token\"" : ""
            headers.append(("WWW-Authenticate", "Bearer realm=\"simpleai\"\(detail)"))
        }
        if code == .unsupportedMediaType, param == Self.contentEncoding {
            headers.append(("Accept-Encoding", Self.acceptedContentCodings))
        }
        // SDKs of OpenAI and Anthropic would repeat the request otherwise, as for every 5xx.
        if code == .endpointNotSupported { headers.append(("x-should-retry", "false")) }
        switch retry {
        case .never, .elsewhere: break
        // SDKs accept 1 to 60 seconds. Clamped first: engines may state times beyond any integer.
        case .after(let time): headers.append(("Retry-After", Self.seconds(min(time, .seconds(60)))))
        case .notBefore(let time): headers.append(("Retry-After", Self.seconds(time)))
        }
        if !methods.isEmpty { headers.append(("Allow", methods.joined(separator: ", "))) }
        return headers
    }

    /// Whole seconds, rounded up, at least one.
    private static func seconds(_ time: Duration) -> String {
        String((max(time, .seconds(1)).wholeMilliseconds + 999) / 1000)
    }

    private static func type(of code: Code) -> String {
        switch code {
        case .invalidJSON, .invalidRequest, .modelNotFound, .notFound, .methodNotAllowed, .requestTooLarge,
            .unsupportedMediaType, .headersTooLarge, .requestTimeout:
            "invalid_request_error"
        case .invalidAPIKey: "authentication_error"
        case .permissionDenied: "permission_error"
        case .rateLimitExceeded: "rate_limit_error"
        case .upstreamError, .internalError, .noRunnerAvailable, .queueFull, .wakeFailed, .keysUnavailable,
            .shuttingDown, .wakeTimeout, .upstreamTimeout, .endpointNotSupported:
            "server_error"
        }
    }

    /// The `param` of errors about the content coding of a request body.
    package static let contentEncoding = "Content-Encoding"
    /// The value of Accept-Encoding for request bodies; `ContentCoding.accepted` is the same.
    package static let acceptedContentCodings = "gzip, deflate"

    /// RFC 9110 §15.5.9; the connection is closed after it.
    package static let bodyIsTooSlow = GatewayError(
        .requestTimeout, "Timed out reading the request body. Retry over a faster network.")

    // MARK: Credentials

    package static let missingCredentials = GatewayError(
        .invalidAPIKey, "Missing credentials. Send a token as \"Authorization: Bearer TOKEN\".")

    /// The same error with a description of the field for the log; never its value, which may be a token.
    package static func missingCredentials(found authorization: String?) -> GatewayError {
        let missing = GatewayError.missingCredentials
        return GatewayError(missing.code, missing.message, cause: Self.shape(of: authorization))
    }

    private static func shape(of authorization: String?) -> String {
        let expected = "expected \"Authorization: Bearer TOKEN\""
        guard let authorization, !authorization.isEmpty else { return "found no Authorization header, \(expected)" }
        let scheme = authorization.prefix { $0 != " " }
        // HTTP parsers remove the space at the end of a value.
        if authorization.lowercased() == "bearer" { return "found the scheme Bearer without a token, \(expected)" }
        // A value without a space may be a token whose scheme was forgotten.
        guard scheme.endIndex != authorization.endIndex, scheme.utf8.count <= 20,
            scheme.utf8.allSatisfy({ (0x41...0x5A).contains($0 & 0xDF) })
        else { return "found an Authorization header without a scheme, \(expected)" }
        return scheme.lowercased() == "bearer"
            ? "found the scheme Bearer without a token, \(expected)" : "found the scheme \(scheme), \(expected)"
    }

    /// The error for a refused token; its reason is only for the log.
    package init(_ rejection: TokenRejection) {
        switch rejection {
        case .invalid(let reason):
            self.init(.invalidAPIKey, "Invalid token.", cause: reason)
        case .expired(let reason):
            self.init(.invalidAPIKey, "The token has expired. Request a new one from its issuer.", cause: reason)
        case .apiKey(let fault):
            let advice =
                switch fault {
                case .unknown:
                    "Unknown API key. Check that it is complete, or request one from an administrator."
                case .expired: "The API key has expired. Request a new one from an administrator."
                case .revoked: "The API key has been revoked. Request a new one from an administrator."
                }
            self.init(.invalidAPIKey, advice, cause: "the API key is \(fault.rawValue)")
        case .keysUnavailable(let retryAfter):
            self.init(
                .keysUnavailable, "The token cannot be verified yet: its issuer's keys are unavailable. Retry later.",
                retry: .after(retryAfter), cause: "no keys of the token's issuer are known yet")
        }
    }
}
