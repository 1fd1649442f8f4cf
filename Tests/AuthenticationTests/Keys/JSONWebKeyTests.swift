import Foundation
import SimpleAICore
import Testing

@testable import Authentication

@Suite struct JSONWebKeyTests {
    private func problem(_ jwk: JSONValue, algorithms: [SignatureAlgorithm] = [.rs256, .es256]) -> KeyProblem? {
        do throws(KeyProblem) {
            _ = try JSONWebKey.verifyingKey(from: jwk, algorithms: algorithms)
            return nil
        } catch {
            return error
        }
    }

    private func algorithm(_ jwk: JSONValue, _ configured: [SignatureAlgorithm]) -> SignatureAlgorithm? {
        do throws(KeyProblem) {
            return try JSONWebKey.verifyingKey(from: jwk, algorithms: configured).algorithm
        } catch {
            return nil
        }
    }

    @Test(arguments: SignatureAlgorithm.allCases)
    func aDeclaredAlgorithmIsTheKeysOnlyOne(declared: SignatureAlgorithm) throws {
        let jwk = try TestKey.make(declared).jwk()
        #expect(algorithm(jwk, [.rs256, .es256]) == declared)
        #expect(algorithm(jwk, []) == declared)
    }

    @Test func anUndeclaredAlgorithmComesFromTheSettings() throws {
        let rsa = try TestKey.make(.rs256).jwk(declares: false)
        #expect(algorithm(rsa, [.es256, .ps384, .rs256]) == .ps384)
        #expect(algorithm(rsa, [.es256]) == nil)
        let curve = try TestKey.make(.es384).jwk(declares: false)
        #expect(algorithm(curve, [.es256, .es384]) == .es384)
        #expect(algorithm(curve, [.es256, .rs256]) == nil)
        let edwards = try TestKey.make(.edDSA).jwk(declares: false)
        #expect(algorithm(edwards, [.edDSA]) == .edDSA)
        #expect(problem(edwards) == .noAlgorithm)
        #expect(algorithm(edwards, IssuerConfiguration.example.algorithms) == .edDSA)
        #expect(algorithm(curve, IssuerConfiguration.example.algorithms) == .es384)
        #expect(algorithm(rsa, IssuerConfiguration.example.algorithms) == .rs256)
    }

    @Test(
        arguments: [
            ("use", "sig", nil), ("use", "enc", .notForSignatures), ("use", "", .notForSignatures),
            ("use", 5, .malformed),
            ("key_ops", ["verify"], nil), ("key_ops", ["sign", "verify"], nil),
            ("key_ops", ["sign"], .notForSignatures),
            ("key_ops", ["encrypt"], .notForSignatures), ("key_ops", [], .notForSignatures),
            ("key_ops", "verify", .malformed), ("key_ops", ["verify", nil], nil), ("key_ops", [nil], .notForSignatures),
            ("alg", .null, nil), ("use", .null, nil), ("key_ops", .null, nil), ("kid", .null, nil), ("d", .null, nil),
            ("x5c", .null, nil), ("x", .null, .malformed), ("kty", .null, .malformed), ("crv", .null, .malformed),
            ("x5c", ["MIIB"], nil),
            ("kid", 5, .malformed), ("alg", "ES384", .algorithmMismatch), ("alg", "RS256", .algorithmMismatch),
            ("alg", "HS256", .unsupportedAlgorithm), ("alg", "none", .unsupportedAlgorithm), ("alg", 5, .malformed),
            ("kty", "oct", .symmetric), ("kty", "RSA", .malformed), ("kty", "OKP", .unsupportedType),
            ("kty", "X", .unsupportedType),
            ("crv", "P-384", .algorithmMismatch), ("crv", "secp256k1", .unsupportedType), ("d", "AAAA", .privateKey),
            ("d", "", .privateKey), ("d", 5, .privateKey),
            ("x", "AAAA", .notOnCurve), ("x", "", .malformed), ("x", "A", .malformed), ("x", 5, .malformed),
            ("x", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", .malformed), ("x", "A*", .malformed),
            ("x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", .notOnCurve), ("x5u", "https://evil.example", nil),
        ] as [(String, JSONValue, KeyProblem?)])
    func validatesMembersOfACurveKey(name: String, value: JSONValue, expected: KeyProblem?) throws {
        let jwk = try TestKey.make(.es256).jwk(kid: "k")
        #expect(problem(jwk) == nil)
        #expect(problem(jwk.with(name, value)) == expected)
    }

    /// Other spellings of the same numbers: the other alphabet and padding, line breaks, leading zeros added or
    /// removed.
    @Test(arguments: [SignatureAlgorithm.rs256, .es256, .es384, .es512, .edDSA])
    func acceptsOtherEncodingsOfNumbers(algorithm: SignatureAlgorithm) throws {
        // One key in 128 has a coordinate that begins with a zero.
        for _ in 0..<(algorithm == .es256 ? 400 : 1) {
            let key = try TestKey.make(algorithm)
            let jwk = try key.jwk(kid: "k")
            let known = try JSONWebKey.verifyingKey(from: jwk, algorithms: [])
            for change in Self.spellings where algorithm != .edDSA || !change.changesZeros {
                var other = jwk
                for name in ["n", "e", "x", "y"] {
                    guard let text = jwk.object?[ExactString(name)]?.string else { continue }
                    let bytes = try #require(Base64URL.decode(text.utf8))
                    other = other.with(name, .string(change.spelling(bytes)))
                }
                #expect(try JSONWebKey.verifyingKey(from: other, algorithms: []).isSame(as: known))
            }
        }
    }

    private struct Spelling: Sendable {
        var changesZeros = false
        let spelling: @Sendable ([UInt8]) -> String
    }

    private static let spellings = [
        Spelling { Data($0).base64EncodedString() },
        Spelling { Base64URL.encode($0) + String(repeating: "=", count: (3 - $0.count % 3) % 3) },
        Spelling { Data($0).base64EncodedString(options: [.lineLength64Characters, .endLineWithCarriageReturn]) },
        Spelling(changesZeros: true) { Base64URL.encode([0] + $0) },
        Spelling(changesZeros: true) { Base64URL.encode(Array($0.drop { $0 == 0 })) },
    ]

    /// Only a certificate, as some issuers publish a key, or the bare public key in its place.
    @Test(arguments: [SignatureAlgorithm.rs256, .es256, .es384, .es512, .edDSA])
    func readsAKeyFromACertificate(algorithm: SignatureAlgorithm) throws {
        let key = try TestKey.make(algorithm)
        let known = try JSONWebKey.verifyingKey(from: key.jwk(kid: "k"), algorithms: [])
        let type = try #require(key.jwk().object?["kty"])
        for bytes in [key.certificate, key.subjectPublicKeyInfo] {
            let text = JSONValue.string(Data(bytes).base64EncodedString())
            let jwk: JSONValue = [
                "kty": type, "kid": "k", "use": "sig", "alg": .string(algorithm.rawValue), "x5c": [text, "MIIB"],
            ]
            #expect(try JSONWebKey.verifyingKey(from: jwk, algorithms: []).isSame(as: known))
            #expect(try JSONWebKey.verifyingKey(from: jwk.with("kty", nil), algorithms: []).isSame(as: known))
            #expect(algorithm == self.algorithm(jwk.with("alg", nil), IssuerConfiguration.example.algorithms))
            #expect(problem(jwk.with("kty", type == "EC" ? "RSA" : "EC")) == .malformed)
            #expect(problem(jwk.with("kty", "oct")) == .symmetric)
            #expect(problem(jwk.with("use", "enc")) == .notForSignatures)
            #expect(problem(jwk.with("alg", "HS256")) == .unsupportedAlgorithm)
        }
        for chain: JSONValue in [
            [], "MIIB", ["MIIB"], [5], [""], [.string(Base64URL.encode(key.certificate.dropLast()))],
        ] {
            #expect(problem(["kty": type, "x5c": chain]) == .malformed)
        }
        // If the key states its numbers, they take precedence over the certificate.
        let numbers = try key.jwk(kid: "k").with(
            "x5c", [.string(Data(try TestKey.make(.es256).certificate).base64EncodedString())])
        #expect(try JSONWebKey.verifyingKey(from: numbers, algorithms: []).isSame(as: known))
    }

    @Test(arguments: ["x", "y", "crv", "kty"])
    func everyMemberOfACurveKeyIsNeeded(name: String) throws {
        #expect(problem(try TestKey.make(.es256).jwk().with(name, nil)) == .malformed)
    }

    @Test(
        arguments: [
            ("e", "AQ", .weakExponent), ("e", "AAE", .weakExponent), ("e", "AA", .weakExponent),
            ("e", "", .weakExponent),
            ("e", "Ag", .weakExponent), ("e", "AQAAAAE", .weakExponent), ("e", "AQAC", .weakExponent),
            ("e", "AQAB", nil),
            ("e", "AAEAAQ", nil), ("e", nil, .malformed), ("n", nil, .malformed), ("n", "", .weakModulus),
        ] as [(String, JSONValue, KeyProblem?)])
    func validatesRSANumbers(name: String, value: JSONValue, expected: KeyProblem?) throws {
        let jwk = try TestKey.make(.rs256).jwk()
        #expect(problem(jwk) == nil)
        #expect(problem(jwk.with(name, value == .null ? JSONValue?.none : value)) == expected)
    }

    @Test func requires2048BitsOfAnRSAModulus() throws {
        let jwk = try TestKey.make(.rs256).jwk()
        let modulus = try #require(jwk.object?["n"]?.string.flatMap { Base64URL.decode($0.utf8) })
        func with(_ bytes: [UInt8]) -> JSONValue { jwk.with("n", .string(Base64URL.encode(bytes))) }
        #expect(problem(with([0, 0] + modulus)) == nil)
        #expect(problem(with([0x7F] + modulus.dropFirst())) == .weakModulus)
        #expect(problem(with(Array(modulus.suffix(128)))) == .weakModulus)
        #expect(problem(with([0, 0] + modulus.suffix(128))) == .weakModulus)
        #expect(problem(with(modulus + modulus + modulus + modulus + [1])) == .weakModulus)
    }

    @Test func refusesAKeyThatIsNotAnObject() {
        for value: JSONValue in [nil, 5, "x", [], .ambiguous] { #expect(problem(value) == .notAnObject) }
    }
}
