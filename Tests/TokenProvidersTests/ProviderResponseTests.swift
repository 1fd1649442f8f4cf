import Foundation
import Testing

@testable import TokenProviders

@Suite struct ProviderResponseTests {
    private let now = Date(timeIntervalSince1970: 1_000_000)

    private func token(
        _ body: String, status: Int = 200, wanted: TokenSpecification.RequestedToken = .accessToken
    ) throws -> ProvidedToken {
        var specification = specification()
        specification.wanted = wanted
        return try ProvidedToken(answer(body, status: status), for: specification, at: now)
    }

    @Test(arguments: [#""expires_in":300"#, #""expires_in":"300""#, #""expires_in":300.0"#])
    func lifetimeIsANumberOrATextOfSeconds(member: String) throws {
        let token = try token(#"{"access_token":"abc","token_type":"bearer",\#(member)}"#)
        #expect(token == ProvidedToken(text: "abc", obtained: now, expires: now.addingTimeInterval(300)))
        #expect(!token.isJWT)
    }

    @Test func usesTheEarlierOfTwoExpiries() throws {
        let text = jwt(#"{"exp":1000200}"#)
        #expect(try token(#"{"access_token":"\#(text)","expires_in":300}"#).expires == now.addingTimeInterval(200))
        #expect(try token(#"{"access_token":"\#(text)","expires_in":100}"#).expires == now.addingTimeInterval(100))
        #expect(try token(#"{"access_token":"\#(text)"}"#).isJWT)
    }

    /// `expires_in` applies to the access token (OpenID Connect Core 1.0 §3.1.3.3).
    @Test func anIDTokenExpiresAtItsOwnExpiry() throws {
        let text = jwt(#"{"exp":1000200}"#)
        let body = #"{"access_token":"a","id_token":"\#(text)","expires_in":10}"#
        #expect(try token(body, wanted: .idToken).expires == now.addingTimeInterval(200))
    }

    @Test func aTokenWithoutExpiryNeverExpires() throws {
        #expect(try token(#"{"access_token":"abc"}"#).expires == nil)
    }

    @Test(arguments: [
        (#"{"token_type":"Bearer"}"#, "returned no access_token"),
        (#"{"access_token":"a","token_type":"DPoP"}"#, "token type is DPoP"),
        (#"{"access_token":"two words"}"#, "contains characters that are invalid in headers"),
        (#"{"access_token":"a\nb"}"#, "contains characters that are invalid in headers"),
        (#"{"access_token":"a","expires_in":-1}"#, "application/json"),
        (#"{"access_token":5}"#, "an unexpected value for access_token"),
        ("<html>", "application/json"), ("", "application/json"), ("[]", "application/json"),
    ])
    func reportsAnInvalidToken(body: String, why: String) async {
        let problem = await problem { _ = try token(body) }
        #expect(problem.contains(why), "\(problem)")
    }

    @Test func aMissingIDTokenNamesTheRequiredScope() async {
        #expect(await problem { _ = try token(#"{"access_token":"a"}"#, wanted: .idToken) }.contains("scope openid"))
    }

    @Test func refusalsAreShownOnOneLineWithoutSecrets() throws {
        let body = #"{"error":"invalid_client","error_description":"bad\n secret \u001b[31ms3cret!"}"#
        let refusal = try #require(answer(body, status: 401).refusal(hiding: ["s3cret"]))
        #expect("\(refusal)" == "invalid_client (bad secret [31m***!)")
    }

    @Test func longDescriptionsAreCut() throws {
        let body = #"{"error":"e","error_description":"\#(String(repeating: "x", count: 5000))"}"#
        #expect(try #require(answer(body, status: 400).refusal(hiding: [])).details.count == 300)
    }

    @Test func successesAndPagesAreNotRefusals() {
        #expect(answer(#"{"error":"e"}"#, status: 200).refusal(hiding: []) == nil)
        #expect(answer("<html>", status: 500).refusal(hiding: []) == nil)
    }

    // MARK: - Discovery

    private func discovery(_ body: String, status: Int = 200, grant: TokenSpecification.Grant = .clientCredentials)
        throws
    {
        _ = try DiscoveryDocument(answer(body, status: status), for: specification(grant))
    }

    @Test(arguments: [
        (
            #"{"issuer":"https://sso.example.org/","token_endpoint":"https://a/"}"#,
            "the provider's issuer is https://sso.example.org/"
        ),
        (#"{"token_endpoint":"https://a/"}"#, "without issuer"),
        (#"{"issuer":"https://sso.example.org"}"#, "has no token_endpoint"),
        (#"{"issuer":"https://sso.example.org","token_endpoint":"http://sso.example.org/"}"#, "lacks TLS"),
        ("<html>", "application/json"),
    ])
    func refusesADiscoveryDocumentOfAnotherIssuer(body: String, why: String) async {
        let problem = await problem { try discovery(body) }
        #expect(problem.contains(why), "\(problem)")
    }

    @Test func checksTheDeviceEndpointOnlyForDeviceFlows() async throws {
        let body = """
            {"issuer":"https://sso.example.org","token_endpoint":"https://a/","device_authorization_endpoint":"http://a/"}
            """
        try discovery(body)
        #expect(await problem { try discovery(body, grant: .deviceCode) }.contains("lacks TLS"))
    }

    @Test func aMissingDocumentPointsToTheIssuerSetting() async {
        #expect(await problem { try discovery("", status: 404) }.contains("check `issuer`"))
    }
}
