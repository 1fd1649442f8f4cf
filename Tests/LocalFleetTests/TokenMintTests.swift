import Foundation
import SimpleAICore
import Testing

@testable import LocalFleet

@Suite struct TokenMintTests {
    private let mint: TokenMint

    init() throws {
        mint = TokenMint(key: try SigningKey(generating: .es256), issuer: "https://issuer.test", audience: "simpleai")
    }

    private func claims(_ token: String) throws -> JSON {
        try JSON(Array(decode(String(token.split(separator: ".")[1]))))
    }

    @Test func aTokenStatesSubjectRolesAndExpiry() throws {
        let claims = try claims(
            mint.token(
                user: "ann", roles: ["model:specific", "x \"y\""], lifetime: .seconds(90),
                issuedAt: Date(timeIntervalSince1970: 1000.7)))
        #expect(claims.iss == .string("https://issuer.test"))
        #expect(claims.aud == .string("simpleai"))
        #expect(claims.sub == .string("ann"))
        #expect(claims.iat == .number(1000))
        #expect(claims.nbf == .number(1000))
        #expect(claims.exp == .number(1090))
        #expect(claims.roles == .array([.string("model:specific"), .string("x \"y\"")]))
    }

    @Test func noTwoTokensShareAnID() throws {
        let first = try claims(mint.token(user: "ann", roles: []))
        let second = try claims(mint.token(user: "ann", roles: []))
        #expect(first.jti != nil)
        #expect(first.jti != second.jti)
        #expect(first.roles == .array([]))
    }

    @Test func emptyNamesAreRefused() {
        #expect(throws: TokenMint.Failure.emptyUser) { try mint.token(user: "", roles: []) }
        #expect(throws: TokenMint.Failure.emptyRole) { try mint.token(user: "ann", roles: [""]) }
    }
}
