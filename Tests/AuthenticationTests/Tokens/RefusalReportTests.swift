import SimpleAICore
import Testing

@testable import Authentication

/// The log entry for a refused token: the fault, the values found and expected, and never the token.
@Suite struct RefusalReportTests {
    private let key = Result { try TestKey.make(.es256) }

    private func report(
        _ fault: TokenFault, header: JSONValue = [:], claims: JSONValue = [:],
        _ change: (inout IssuerConfiguration) -> Void = { _ in }
    ) throws -> String {
        var token = TokenSketch(kid: "k")
        for (name, value) in header.object ?? [:] { token.header = token.header.with(name.rawValue, value) }
        for (name, value) in claims.object ?? [:] { token.claims = token.claims.with(name.rawValue, value) }
        let text = token.signed(by: try key.get())
        var configuration = IssuerConfiguration.example
        change(&configuration)
        let report = FaultReport(
            fault: fault, token: text, configuration: configuration, knownIssuers: ["https://issuer.example"],
            keys: try KeySet(document: keySet(key.get().jwk(kid: "k")), algorithms: []), leeway: 30, now: TestTime.now
        ).text
        for part in text.split(separator: ".") { #expect(!report.contains(part)) }
        return report
    }

    @Test func reportsFoundAndExpectedValues() throws {
        #expect(
            try report(.unknownIssuer, claims: ["iss": "https://issuer.example/"])
                == #"issuer is not configured: found "https://issuer.example/", expected "https://issuer.example""#)
        #expect(
            try report(.wrongAudience, claims: ["aud": ["account", "other"]])
                == #"unexpected audience: found ["account", "other"], expected "simpleai""#)
        #expect(
            try report(.wrongParty, claims: ["azp": nil, "cid": "app"]) { $0.authorizedParties = ["cli", "web"] }
                == #"unexpected authorized party: found "app", expected "cli", "web""#)
        #expect(
            try report(.missingScope, claims: ["scope": "openid"]) { $0.scopes = ["llm"] }
                == #"a required scope is missing: found "openid", expected "llm""#)
        #expect(
            try report(.wrongType, header: ["typ": "JWT"]) { $0.tokenType = "at+jwt" }
                == #"unexpected token type: found "JWT", expected "at+jwt""#)
        #expect(
            try report(.unknownKey, header: ["kid": "old"])
                == #"unknown key id: found "old", expected "k""#)
        #expect(
            try report(.algorithmMismatch, header: ["alg": "ES384"])
                == #"algorithm does not match the key: found "ES384", expected "ES256""#)
        #expect(
            try report(.unsupportedAlgorithm, header: ["alg": "HS256"]).contains(#"found "HS256", expected "RS256""#))
        #expect(
            try report(.missingSubject) { $0.subjectClaims = [.dotted("sub"), .keys(["a", "b"])] }
                .hasSuffix(#"found none in "sub", "a.b""#))
        #expect(
            try report(.expired, claims: ["exp": 1_799_990_000])
                == "token has expired: found 1799990000, at 1800000000 with a leeway of 30 s")
        #expect(try report(.wrongAudience, claims: ["aud": .null]).contains("found null"))
    }

    /// Values from tokens are quoted and cut, and none of them ends its quotes or its line.
    @Test func quotesUntrustedValues() throws {
        let hostile = "a\" status=200 caller=\"b\r\nx: y\u{1B}[31m\u{202E}\\"
        let report = try report(.wrongAudience, claims: ["aud": [.string(hostile), .string("é")]])
        #expect(report.utf8.allSatisfy { (0x20...0x7E).contains($0) })
        #expect(report.contains(#""a\" status=200 caller=\"b\u{D}\u{A}x: y\u{1B}[31m\u{202E}\\""#))
        let long = try self.report(.unknownIssuer, claims: ["iss": .string(String(repeating: "x", count: 9000))])
        #expect(long.utf8.count < 400)
        let many = JSONValue.array((0..<1000).map { .string("aud\($0)") })
        #expect(try self.report(.wrongAudience, claims: ["aud": many]).utf8.count < 400)
        #expect(LoggableValue(["a": "b"] as JSONValue).description == "{…}")
        #expect(LoggableValue([["a"], 5, true, nil, "x"] as JSONValue).description == "[[…], 5, true, null, …]")
    }

    /// Every fault has a report, for any text.
    @Test(arguments: ["", "garbage", "a.b.c", "e30.e30.e30", String(repeating: "x", count: 20_000)])
    func reportsOnAnyText(token: String) {
        for fault in TokenFault.allCases {
            let report = FaultReport(
                fault: fault, token: token, configuration: nil, knownIssuers: [], keys: nil, leeway: 0, now: 0
            ).text
            #expect(report.hasPrefix(fault.rawValue))
            #expect(report.utf8.count < 500)
        }
    }
}
