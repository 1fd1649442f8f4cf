import SimpleAICore
import TestSupport
import Testing

@testable import Authentication

/// Tokens and key sets with random changes from seeds: a valid token passes before and after, a changed one never.
@Suite(.timeLimit(.minutes(5))) struct MutatedTokenTests {
    private static let algorithms: [SignatureAlgorithm] = [.es256, .rs256, .edDSA, .es384]

    @Test(arguments: 0..<8 as Range<UInt64>) func aChangedTokenIsRefused(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let algorithm = Self.algorithms[Int(seed) % Self.algorithms.count]
        let (key, foreign) = (try TestKey.make(algorithm), try TestKey.make(.es256))
        let document = try keySet(foreign.jwk(kid: "other"), key.jwk(kid: "k"))
        try await withVerifier(knowing: document) { verifier in
            for round in 0..<400 {
                var sketch = TokenSketch(algorithm: algorithm)
                sketch.claims = sketch.claims.with("jti", .string("\(round)"))
                let good = sketch.signed(by: key)
                #expect(await verifier.reason(against: good) == nil)
                let changed = Self.mutated(Array(good.utf8), by: &random)
                guard changed != Array(good.utf8) else { continue }
                let text = String(decoding: changed, as: UTF8.self)
                #expect(await verifier.reason(against: text) != nil, "seed \(seed), round \(round): \(text)")
            }
        }
    }

    /// Members are added, removed and exchanged before another key signs.
    @Test(arguments: 0..<4 as Range<UInt64>) func noHeaderMakesAForeignSignatureValid(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let (key, foreign) = (try TestKey.make(.es256), try TestKey.make(.es256))
        let odd: [JSONValue] = [
            .null, "", "k", "other", "none", "ES256", "Ed25519", 5, true, [], ["k"], [:], try foreign.jwk(kid: "k"),
            "https://evil.example/keys", .number(.infinity),
        ]
        let names = ["alg", "kid", "typ", "jku", "jwk", "x5u", "x5c", "x5t", "crit", "b64", "zip", "enc", "cty", "epk"]
        try await withVerifier(knowing: keySet(key.jwk(kid: "k"))) { verifier in
            for round in 0..<1500 {
                var sketch = TokenSketch()
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let name = names.randomElement(using: &random) ?? "kid"
                    sketch.header = sketch.header.with(name, odd.randomElement(using: &random))
                }
                let forged = sketch.signed(by: foreign)
                #expect(
                    await verifier.reason(against: forged) != nil, "seed \(seed), round \(round): \(sketch.header.text)"
                )
            }
        }
    }

    /// A damaged set yields the original keys, or fewer, or none; never a key of another party.
    @Test(arguments: 0..<8 as Range<UInt64>) func aCorruptKeySetVerifiesNoOtherToken(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let algorithm = Self.algorithms[Int(seed) % Self.algorithms.count]
        let (key, foreign) = (try TestKey.make(algorithm), try TestKey.make(.es256))
        let whole = keySet(
            try key.jwk(kid: "k"), try TestKey.make(.edDSA).jwk(kid: "e"),
            ["kty": "EC", "kid": "c", "x5c": [.string(Base64URL.encode(try TestKey.make(.es384).certificate))]])
        let good = try CompactToken(TokenSketch(algorithm: algorithm).signed(by: key))
        let forged = try ["k", "e", "c", nil].map { try CompactToken(TokenSketch(kid: $0).signed(by: foreign)) }
        var served = 0
        for _ in 0..<1500 {
            let damaged = Self.mutated(whole, by: &random)
            guard let set = try? KeySet(document: damaged, algorithms: IssuerConfiguration.example.algorithms) else {
                continue
            }
            if (try? set.verify(good)) != nil { served += 1 }
            for token in forged { #expect((try? set.verify(token)) == nil) }
        }
        #expect(served > 0, "the damage is so large that nothing was tried")
    }

    /// One to three changes of some bytes: replaced, removed, added, duplicated, moved.
    private static func mutated(_ bytes: [UInt8], by random: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let position = Int.random(in: 0..<bytes.count, using: &random)
            let end = min(bytes.count, position + Int.random(in: 1...6, using: &random))
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[position] ^= 1 << UInt8.random(in: 0..<7, using: &random)
            case 1: bytes[position] = UInt8.random(in: 0x20...0x7E, using: &random)
            case 2: bytes.removeSubrange(position..<end)
            case 3: bytes.insert(contentsOf: bytes[position..<end], at: Int.random(in: 0...bytes.count, using: &random))
            case 4: bytes.insert(UInt8.random(in: 0...0x7F, using: &random), at: position)
            default: bytes.swapAt(position, Int.random(in: 0..<bytes.count, using: &random))
            }
            if bytes.isEmpty { return [0x2E] }
        }
        return bytes
    }
}
