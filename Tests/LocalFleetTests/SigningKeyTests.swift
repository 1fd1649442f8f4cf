import Crypto
import CryptoExtras
import Foundation
import Testing

@testable import LocalFleet

@Suite struct SigningKeyTests {
    @Test(arguments: SigningKey.Algorithm.allCases)
    func readingBackThePEMGivesTheSameKey(algorithm: SigningKey.Algorithm) throws {
        let key = try SigningKey(generating: algorithm)
        #expect(key.pem.hasPrefix("-----BEGIN PRIVATE KEY-----"))
        let again = try SigningKey(pem: key.pem)
        #expect(again.algorithm == algorithm)
        #expect(again.publicKey == key.publicKey)
        #expect(again.id == key.id)
    }

    @Test func reportsAnInvalidKey() {
        #expect(throws: SigningKey.Failure.self) { try SigningKey(pem: "not a key") }
    }

    @Test func thumbprintMatchesRFC7638() throws {
        // The key of RFC 7638 §3.1.
        let n = """
            0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCi\
            FV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb\
            9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls\
            1jF44-csFCur-kEgU8awapJzKnqDKgw
            """
        let key = PublicJSONWebKey(modulus: try decode(n), exponent: [1, 0, 1])
        #expect(key.thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
    }

    @Test func leadingZerosOfAModulusAreOmitted() throws {
        let key = PublicJSONWebKey(modulus: [0, 0, 1, 2], exponent: [0, 1, 0, 1])
        let json = try JSON(key.json.text)
        #expect(json.n == .string("AQI"))
        #expect(json.e == .string("AQAB"))
    }

    @Test func rsaTokensVerifyAgainstThePublishedNumbers() throws {
        let mint = TokenMint(key: try SigningKey(generating: .rs256), issuer: "i", audience: "a")
        let (signed, signature, key) = try parts(mint)
        let n = try decode(try #require(key.n?.string))
        let e = try decode(try #require(key.e?.string))
        let publicKey = try _RSA.Signing.PublicKey(n: n, e: e)
        let rsa = _RSA.Signing.RSASignature(rawRepresentation: signature)
        #expect(publicKey.isValidSignature(rsa, for: signed, padding: .insecurePKCS1v1_5))
        #expect(!publicKey.isValidSignature(rsa, for: signed + [0], padding: .insecurePKCS1v1_5))
    }

    @Test func ecdsaTokensVerifyAgainstThePublishedPoint() throws {
        let mint = TokenMint(key: try SigningKey(generating: .es256), issuer: "i", audience: "a")
        let (signed, signature, key) = try parts(mint)
        let point = try decode(try #require(key.x?.string)) + decode(try #require(key.y?.string))
        let publicKey = try P256.Signing.PublicKey(rawRepresentation: point)
        #expect(signature.count == 64)
        let ecdsa = try P256.Signing.ECDSASignature(rawRepresentation: signature)
        #expect(publicKey.isValidSignature(ecdsa, for: signed))
        #expect(!publicKey.isValidSignature(ecdsa, for: signed + [0]))
    }

    private func parts(_ mint: TokenMint) throws -> (signed: Data, signature: Data, key: JSON) {
        let pieces = try mint.token(user: "u", roles: []).split(separator: ".")
        #expect(pieces.count == 3)
        let header = try JSON(Array(decode(String(pieces[0]))))
        let keys = try JSON(PublicJSONWebKey.keySet([mint.key.publicKey]))
        let key = try #require(keys.keys?[0])
        #expect(header.kid == key.kid)
        #expect(header.alg == key.alg)
        return (Data((pieces[0] + "." + pieces[1]).utf8), try decode(String(pieces[2])), key)
    }
}

/// The inverse of the encoding of tokens.
func decode(_ text: String) throws -> Data {
    let base64 = text.replacing("-", with: "+").replacing("_", with: "/")
    return try #require(Data(base64Encoded: base64 + String(repeating: "=", count: (4 - base64.count % 4) % 4)))
}
