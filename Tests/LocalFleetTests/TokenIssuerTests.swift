import Foundation
import Logging
import NIOHTTP1
import SimpleAICore
import Testing

@testable import LocalFleet

@Suite struct TokenIssuerTests {
    private let key: SigningKey
    private let issuer: TokenIssuer

    init() throws {
        key = try SigningKey(generating: .es256)
        issuer = TokenIssuer(key: key, audience: "simpleai", logger: .silent)
    }

    @Test func discoveryLeadsToTheKeysThatSignItsTokens() async throws {
        try await running(issuer) { [key] issuer in
            let url = try await issuer.url()
            let discovery = try JSON(
                try await LoopbackClient.send(.GET, url + "/.well-known/openid-configuration").body)
            #expect(discovery.issuer == .string(url))
            let keysURL = try #require(discovery.jwks_uri?.string)
            let keys = try JSON(try await LoopbackClient.send(.GET, keysURL).body)
            #expect(keys.keys?[0]?.kid == .string(key.id))
            let token = try await TokenRequest(
                issuer: url, user: "ann & bob+é", roles: ["admin", "model:specific"], lifetime: .seconds(77)
            ).send()
            let pieces = token.split(separator: ".").map(String.init)
            let header = try JSON(Array(decode(pieces[0])))
            let claims = try JSON(Array(decode(pieces[1])))
            #expect(header.kid == .string(key.id))
            #expect(claims.iss == .string(url))
            #expect(claims.sub == .string("ann & bob+é"))
            #expect(claims.roles == .array([.string("admin"), .string("model:specific")]))
            #expect(try #require(claims.exp?.number) - (try #require(claims.iat?.number)) == 77)
        }
    }

    @Test(arguments: [
        ("user=a", "invalid_request"),
        ("grant_type=password&user=a", "unsupported_grant_type"),
        ("grant_type=client_credentials&lifetime=0", "invalid_request"),
        ("grant_type=client_credentials&user=%zz", "invalid_request"),
    ])
    func invalidRequestsGetOAuthErrors(form: String, code: String) async throws {
        try await running(issuer) { issuer in
            let response = try await LoopbackClient.send(
                .POST, try await issuer.url() + "/token", [], Array(form.utf8))
            #expect(response.status == 400)
            #expect(try JSON(response.body).error == .string(code))
        }
    }

    @Test func otherHostNamesAreRefused() async throws {
        try await running(issuer) { issuer in
            let url = try await issuer.url()
            let port = try #require(URLComponents(string: url)?.port)
            let response = try await RawClient.with(port) { client in
                try await client.send("GET /jwks.json HTTP/1.1\r\nHost: rebound.example:\(port)\r\n\r\n")
                return try await client.read(until: "\r\n\r\n")
            }
            #expect(response.hasPrefix("HTTP/1.1 421"))
        }
    }
}
