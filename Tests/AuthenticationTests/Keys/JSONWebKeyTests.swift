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
    }

    @Test(
        arguments: [
            ("use", "sig", nil), ("use", "enc", .notForSignatures), ("use", "", .notForSignatures),
            ("use", 5, .malformed),
            ("key_ops", ["verify"], nil), ("key_ops", ["sign", "verify"], nil),
            ("key_ops", ["sign"], .notForSignatures),
            ("key_ops", ["encrypt"], .notForSignatures), ("key_ops", [], .notForSignatures),
            ("key_ops", "verify", .malformed),
            ("kid", 5, .malformed), ("alg", "ES384", .algorithmMismatch), ("alg", "RS256", .algorithmMismatch),
            ("alg", "HS256", .unsupportedAlgorithm), ("alg", "none", .unsupportedAlgorithm), ("alg", 5, .malformed),
            ("kty", "oct", .symmetric), ("kty", "RSA", .malformed), ("kty", "OKP", .unsupportedType),
            ("kty", "X", .unsupportedType),
            ("crv", "P-384", .malformed), ("crv", "secp256k1", .unsupportedType), ("d", "AAAA", .privateKey),
            ("x", "AAAA", .malformed), ("x", "A", .malformed), ("x", 5, .malformed),
            ("x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", .notOnCurve), ("x5u", "https://evil.example", nil),
        ] as [(String, JSONValue, KeyProblem?)])
    func judgesMembersOfACurveKey(name: String, value: JSONValue, expected: KeyProblem?) throws {
        let jwk = try TestKey.make(.es256).jwk(kid: "k")
        #expect(problem(jwk) == nil)
        #expect(problem(jwk.with(name, value)) == expected)
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
    func judgesRSANumbers(name: String, value: JSONValue, expected: KeyProblem?) throws {
        let jwk = try TestKey.make(.rs256).jwk()
        #expect(problem(jwk) == nil)
        #expect(problem(jwk.with(name, value == .null ? JSONValue?.none : value)) == expected)
    }

    @Test func anRSAModulusHas2048BitsAtLeast() throws {
        let jwk = try TestKey.make(.rs256).jwk()
        let modulus = try #require(jwk.object?["n"]?.string.flatMap { Base64URL.decode($0.utf8) })
        func with(_ bytes: [UInt8]) -> JSONValue { jwk.with("n", .string(Base64URL.encode(bytes))) }
        #expect(problem(with([0, 0] + modulus)) == nil)
        #expect(problem(with([0x7F] + modulus.dropFirst())) == .weakModulus)
        #expect(problem(with(Array(modulus.suffix(128)))) == .weakModulus)
        #expect(problem(with([0, 0] + modulus.suffix(128))) == .weakModulus)
        #expect(problem(with(modulus + modulus + modulus + modulus + [1])) == .weakModulus)
    }

    @Test func whatIsNoObjectIsNoKey() {
        for value: JSONValue in [nil, 5, "x", [], .ambiguous] { #expect(problem(value) == .notAnObject) }
    }
}
