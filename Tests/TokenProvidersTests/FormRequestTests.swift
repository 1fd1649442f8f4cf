import Foundation
import Testing

@testable import TokenProviders

@Suite struct FormRequestTests {
    @Test func clientCredentialsStateTheParameters() throws {
        var specification = specification()
        specification.scopes = ["openid", "groups"]
        specification.audience = "https://ai.example.org"
        specification.resources = ["urn:a", "urn:b"]
        let request = try #require(specification.tokenRequest(authentication: .post))
        #expect(
            request.body
                == "grant_type=client_credentials&scope=openid%20groups&audience=https%3A%2F%2Fai.example.org"
                + "&resource=urn%3Aa&resource=urn%3Ab&client_id=app&client_secret=s3cret")
        #expect(request.authorization == nil)
    }

    @Test func omitsEmptyParameters() throws {
        let request = try #require(specification().tokenRequest(authentication: .basic))
        #expect(request.body == "grant_type=client_credentials")
    }

    @Test func passwordsAreEncodedLikeEveryOtherField() throws {
        let request = try #require(
            specification(.password(username: "a&b", password: "ü =+%")).tokenRequest(authentication: .none))
        #expect(request.body == "grant_type=password&username=a%26b&password=%C3%BC%20%3D%2B%25&client_id=app")
    }

    /// RFC 6749 §2.3.1: both parts are encoded first, so that a colon in the id does not end it.
    @Test func basicAuthenticationEncodesBothParts() throws {
        var request = FormRequest()
        request.authenticate(OAuthClient(id: "my:app", secret: "50% + more"), .basic)
        let value = try #require(request.authorization?.dropFirst("Basic ".count))
        let decoded = try #require(Data(base64Encoded: String(value)))
        #expect(String(decoding: decoded, as: UTF8.self) == "my%3Aapp:50%25%20%2B%20more")
        #expect(request.body == "")
    }

    @Test func deviceFlowBeginsAndPolls() {
        var specification = specification(.deviceCode, client: OAuthClient(id: "cli"))
        specification.scopes = ["openid"]
        #expect(specification.tokenRequest(authentication: .none) == nil)
        #expect(specification.deviceAuthorizationRequest(authentication: .none).body == "scope=openid&client_id=cli")
        #expect(
            specification.devicePollRequest(code: "c/1", authentication: .none).body
                == "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=c%2F1&client_id=cli")
    }

    private static let methods: [(OAuthClient, [String]?, OAuthClient.Authentication)] = [
        (OAuthClient(id: "a"), ["client_secret_post"], .none),
        (OAuthClient(id: "a", secret: "s"), nil, .basic),
        (OAuthClient(id: "a", secret: "s"), ["client_secret_post", "client_secret_basic"], .basic),
        (OAuthClient(id: "a", secret: "s"), ["private_key_jwt", "client_secret_post"], .post),
        (OAuthClient(id: "a", secret: "s"), [], .basic),
        (OAuthClient(id: "a", secret: "s", authentication: .basic), ["client_secret_post"], .basic),
    ]

    @Test(arguments: methods)
    func clientsAuthenticateAsTheProviderAllows(
        client: OAuthClient, stated: [String]?, expected: OAuthClient.Authentication
    ) {
        #expect(client.authentication(among: stated) == expected)
    }

    @Test(arguments: [
        "https://sso.example.org/token", "https://[2001:db8::1]/token", "http://127.0.0.1:8080/token",
        "http://127.1.2.3/", "http://[::1]:1/", "http://localhost/", "http://sso.localhost:80/",
    ])
    func acceptsTLSAndLoopbackAddresses(address: String) throws {
        try EndpointAddress.check(address, allowsInsecure: false)
    }

    @Test(arguments: [
        ("http://sso.example.org/", "lacks TLS"), ("http://10.0.0.1/", "lacks TLS"),
        ("http://127.0.0.1.example.org/", "lacks TLS"), ("http://localhost.example.org/", "lacks TLS"),
        ("http://127.0.0.1@evil.example/", "contains a user"), ("https://a:b@sso.example.org/", "contains a user"),
        ("ftp://sso.example.org/", "is not an http"), ("/token", "is not an http"),
        ("https:///token", "is not an http"),
    ])
    func otherAddressesAreRefused(address: String, why: String) async {
        #expect(await problem { try EndpointAddress.check(address, allowsInsecure: false) }.contains(why))
    }

    @Test func acceptsInsecureAddressesIfConfigured() throws {
        try EndpointAddress.check("http://sso.lan/token", allowsInsecure: true)
    }
}
