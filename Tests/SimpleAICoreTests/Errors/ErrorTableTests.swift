import SimpleAICore
import Testing

@testable import SimpleAICore

/// The status, type and body of every error code.
@Suite struct ErrorTableTests {
    static let table: [(code: GatewayError.Code, status: Int, type: String)] = [
        (.invalidJSON, 400, "invalid_request_error"), (.invalidRequest, 400, "invalid_request_error"),
        (.invalidAPIKey, 401, "authentication_error"), (.permissionDenied, 403, "permission_error"),
        (.modelNotFound, 404, "invalid_request_error"), (.notFound, 404, "invalid_request_error"),
        (.methodNotAllowed, 405, "invalid_request_error"), (.requestTimeout, 408, "invalid_request_error"),
        (.requestTooLarge, 413, "invalid_request_error"),
        (.unsupportedMediaType, 415, "invalid_request_error"), (.headersTooLarge, 431, "invalid_request_error"),
        (.rateLimitExceeded, 429, "rate_limit_error"), (.internalError, 500, "server_error"),
        (.upstreamError, 502, "server_error"), (.noRunnerAvailable, 503, "server_error"),
        (.queueFull, 503, "server_error"),
        (.wakeFailed, 503, "server_error"), (.keysUnavailable, 503, "server_error"),
        (.shuttingDown, 503, "server_error"),
        (.wakeTimeout, 504, "server_error"), (.upstreamTimeout, 504, "server_error"),
        (.endpointNotSupported, 501, "server_error"),
    ]

    @Test func everyCodeIsInTheTable() {
        #expect(Set(Self.table.map(\.code)) == Set(GatewayError.Code.allCases))
    }

    @Test func statusAndTypeFollowTheTable() {
        for row in Self.table {
            let error = GatewayError(row.code, "m")
            #expect(error.status() == row.status, "\(row.code)")
            #expect(error.body.type == row.type, "\(row.code)")
            #expect(error.body.code == row.code.rawValue)
            // For clients of older deployments, 400 may replace 403; nothing else changes.
            #expect(error.status(permissionDeniedStatus: 400) == (row.code == .permissionDenied ? 400 : row.status))
        }
    }

    @Test func bodiesHaveAllFourKeys() throws {
        for param in [nil, "model", "we\"ird\n"] {
            let error = GatewayError(.invalidRequest, "a \"quoted\"\nmessage é😀", param: param, cause: "secret")
            let json = try #require(JSONSlice(document: Array(error.body.json.utf8)[...]))
            let object = try #require(json["error"])
            #expect(object["message"]?.string == "a \"quoted\"\nmessage é😀")
            #expect(object["type"]?.string == "invalid_request_error")
            #expect(object["code"]?.string == "invalid_request")
            #expect(object["param"]?.string == param)
            #expect((object["param"]?.isNull == true) == (param == nil))
            #expect(!error.body.json.contains("secret"))
        }
    }

    @Test func anErrorInAStreamIsOneEvent() {
        let event = GatewayError(.upstreamError, "lost\n\ndata: [DONE]\r\n").body.event
        #expect(event.hasPrefix("data: {\"error\":{"))
        #expect(event.hasSuffix("}}\n\n"))
        #expect(event.utf8.count { $0 == 0x0A || $0 == 0x0D } == 2)
    }

    @Test(arguments: [
        (Duration.zero, "1"), (.seconds(-5), "1"), (.milliseconds(1), "1"), (.milliseconds(1001), "2"),
        (.seconds(5), "5"),
        (.milliseconds(59_999), "60"), (.seconds(60), "60"), (.seconds(3600), "60"), (.seconds(Int64.max), "60"),
        (.seconds(Int64.min), "1"),
    ])
    func retryAfterIsOneToSixtySeconds(_ time: Duration, _ header: String) {
        let headers = GatewayError(.queueFull, "m", retry: .after(time)).headers()
        #expect(headers.map(\.name) == ["Retry-After"])
        #expect(headers.first?.value == header)
    }

    @Test(arguments: [
        (Duration.zero, "1"), (.milliseconds(1001), "2"), (.seconds(61), "61"), (.milliseconds(86_399_001), "86400"),
    ])
    func waitsForLimitsAreReportedExactly(_ time: Duration, _ header: String) {
        let headers = GatewayError(.rateLimitExceeded, "m", retry: .notBefore(time)).headers()
        #expect(headers.map(\.value) == [header])
    }

    @Test func withoutATimeThereIsNoRetryAfter() {
        #expect(GatewayError(.upstreamError, "m").headers().isEmpty)
        #expect(GatewayError(.upstreamError, "m", retry: .elsewhere).headers().isEmpty)
    }

    @Test func aMissingTokenAndABadOneAreChallengedDifferently() {
        let missing = GatewayError.missingCredentials
        #expect(missing.headers().map(\.name) == ["WWW-Authenticate"])
        #expect(missing.headers().first?.value == "Bearer realm=\"simpleai\"")
        let bad = GatewayError(TokenRejection.invalid(reason: "expired at noon"))
        #expect(bad.headers().first?.value == "Bearer realm=\"simpleai\", error=\"invalid_token\"")
        #expect(bad.status() == 401)
        #expect(bad.cause == "expired at noon")
        // Malformed and unknown credentials get the same error; an expired token is reported as expired.
        #expect(bad.body == GatewayError(TokenRejection.invalid(reason: "unknown key")).body)
        let expired = GatewayError(TokenRejection.expired(reason: "an hour ago"))
        #expect(expired.message.hasPrefix("The token has expired."))
        #expect(expired.headers().first?.value == bad.headers().first?.value)
        #expect(expired.status() == 401)
        #expect(expired.cause == "an hour ago")
    }

    @Test func missingKeysAreNotTheCallersFault() {
        let error = GatewayError(TokenRejection.keysUnavailable(retryAfter: .seconds(12)))
        #expect(error.status() == 503)
        #expect(error.body.code == "keys_unavailable")
        #expect(error.headers().map(\.name) == ["Retry-After"])
        #expect(error.headers().first?.value == "12")
    }

    @Test func aWrongMethodListsTheAllowedOnes() {
        let headers = GatewayError(.methodNotAllowed, "m").headers(allowing: ["GET", "HEAD"])
        #expect(headers.map(\.name) == ["Allow"])
        #expect(headers.first?.value == "GET, HEAD")
    }

    @Test func sidesNameTheActor() {
        for row in Self.table where row.status < 500 { #expect(GatewayError(row.code, "m").side == .client) }
        for row in Self.table where row.status >= 500 { #expect(GatewayError(row.code, "m").side != .client) }
    }
}
