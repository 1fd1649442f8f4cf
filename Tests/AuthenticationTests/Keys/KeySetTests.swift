import SimpleAICore
import Testing

@testable import Authentication

@Suite(.timeLimit(.minutes(5))) struct KeySetTests {
    private func fault(_ text: String) -> KeySourceFault? {
        do throws(KeySourceFault) {
            _ = try KeySet(document: Array(text.utf8), algorithms: [.es256])
            return nil
        } catch {
            return error
        }
    }

    @Test func skipsAnInvalidKeyAndUsesTheOthers() throws {
        let good = try TestKey.make(.es256)
        let jwk = try good.jwk(kid: "k")
        let text = """
            {"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"s"}, {"kty":"RSA","kid":"k","kid":"k"}, 5, null, \
            \(jwk.with("crv", "P-999").text), \(jwk.with("use", "enc").text), \(jwk.text), {}]}
            """
        let set = try KeySet(document: Array(text.utf8), algorithms: [.es256])
        #expect(set.keys.count == 1)
        #expect(set.keys.first?.id == "k")
        #expect(
            set.skipped.map(\.problem) == [
                .symmetric, .notAnObject, .notAnObject, .notAnObject, .unsupportedType, .notForSignatures, .malformed,
            ])
        let token = try CompactToken(TokenSketch().signed(by: good))
        #expect(throws: Never.self) { try set.verify(token) }
    }

    @Test func refusesADocumentThatIsNotAKeySet() throws {
        #expect(fault("<html></html>") == .notJSON)
        #expect(fault("") == .notJSON)
        #expect(fault("[]") == .notAKeySet)
        #expect(fault("{}") == .notAKeySet)
        #expect(fault(#"{"keys":{}}"#) == .notAKeySet)
        #expect(fault(#"{"keys":[],"keys":[]}"#) == .notAKeySet)
        #expect(fault(#"{"keys":[]}"#) == .noUsableKey)
        #expect(fault(#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#) == .noUsableKey)
        let one = try TestKey.make(.es256).jwk().text
        #expect(fault(#"{"keys":["# + Array(repeating: one, count: 257).joined(separator: ",") + "]}") == .tooManyKeys)
        #expect(fault(#"{"keys":["# + Array(repeating: one, count: 256).joined(separator: ",") + "]}") == nil)
    }

    @Test func ignoresAByteOrderMark() throws {
        let document = try keySet(TestKey.make(.es256).jwk(kid: "k"))
        #expect(try KeySet(document: [0xEF, 0xBB, 0xBF] + document, algorithms: []).keys.count == 1)
        #expect(fault("\u{FEFF}") == .notJSON)
        #expect(throws: KeySourceFault.notJSON) {
            try KeySet(document: [0xEF, 0xBB, 0xBF, 0xEF, 0xBB, 0xBF] + document, algorithms: [])
        }
        #expect(throws: KeySourceFault.notJSON) { try KeySet(document: [0xFF, 0xFE] + document, algorithms: []) }
    }

    @Test func theKeyIDSelectsTheKeyWithoutFallback() throws {
        let (a, b) = (try TestKey.make(.es256), try TestKey.make(.es256))
        let set = try KeySet(document: keySet(a.jwk(kid: "a"), b.jwk(kid: "b")), algorithms: [])
        func fault(_ kid: String?, _ key: TestKey) throws -> TokenFault? {
            let token = try CompactToken(TokenSketch(kid: kid, algorithm: key.algorithm).signed(by: key))
            do throws(TokenFault) {
                _ = try set.verify(token)
                return nil
            } catch {
                return error
            }
        }
        #expect(try fault("a", a) == nil)
        #expect(try fault("b", b) == nil)
        #expect(try fault("b", a) == .badSignature)
        #expect(try fault("c", a) == .unknownKey)
        #expect(try fault("", a) == .unknownKey)
        #expect(try fault("A", a) == .unknownKey)
        #expect(try fault(nil, a) == .ambiguousKey)
        #expect(try fault(nil, TestKey.make(.es384)) == .noFittingKey)
        #expect(try fault("a", TestKey.make(.es384)) == .algorithmMismatch)
    }

    @Test func aTokenWithoutKeyIDRequiresASingleMatchingKey() throws {
        let (curve, rsa) = (try TestKey.make(.es256), try TestKey.make(.rs256))
        let set = try KeySet(document: keySet(curve.jwk(kid: "a"), rsa.jwk()), algorithms: [])
        #expect(throws: Never.self) { try set.verify(CompactToken(TokenSketch(kid: nil).signed(by: curve))) }
        #expect(throws: TokenFault.badSignature) {
            try set.verify(CompactToken(TokenSketch(kid: nil).signed(by: TestKey.make(.es256))))
        }
        // The RSA key has no id, so a token without an id refers to it.
        #expect(throws: TokenFault.unknownKey) {
            try set.verify(CompactToken(TokenSketch(kid: "b", algorithm: .rs256).signed(by: rsa)))
        }
    }

    @Test func keysWithTheSameIDMustBeEqualOrDifferInAlgorithm() throws {
        let (a, b, c) = (try TestKey.make(.es256), try TestKey.make(.es256), try TestKey.make(.es384))
        let token = try CompactToken(TokenSketch(kid: "k").signed(by: a))
        let clash = try KeySet(document: keySet(a.jwk(kid: "k"), b.jwk(kid: "k")), algorithms: [])
        #expect(throws: TokenFault.ambiguousKey) { try clash.verify(token) }
        let twice = try KeySet(document: keySet(a.jwk(kid: "k"), a.jwk(kid: "k")), algorithms: [])
        #expect(throws: Never.self) { try twice.verify(token) }
        let kinds = try KeySet(document: keySet(a.jwk(kid: "k"), c.jwk(kid: "k")), algorithms: [])
        #expect(throws: Never.self) { try kinds.verify(token) }
    }

    @Test func keysThatStayAreTheSameObjects() throws {
        let (a, b) = (try TestKey.make(.es256), try TestKey.make(.rs256))
        let before = try KeySet(document: keySet(a.jwk(kid: "a"), b.jwk(kid: "b")), algorithms: [])
        let after = try KeySet(
            document: keySet(b.jwk(kid: "b"), a.jwk(kid: "renamed")), algorithms: [], known: before.keys)
        #expect(after.contains(before.keys[1]))
        #expect(!after.contains(before.keys[0]))
    }
}
