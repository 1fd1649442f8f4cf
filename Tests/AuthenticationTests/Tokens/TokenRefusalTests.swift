import Foundation
import SimpleAICore
import Testing

@testable import Authentication

/// Every fault of a token, each next to a valid token.
@Suite(.timeLimit(.minutes(5))) struct TokenRefusalTests {
    /// Runs a verifier that has one key, with id `k`, and checks that a valid token passes before and after the body.
    private func withKey(
        _ algorithm: SignatureAlgorithm = .es256,
        _ body: (JWTVerifier, TestKey, TokenSketch) async throws -> Void
    ) async throws {
        let key = try TestKey.make(algorithm)
        let good = TokenSketch(algorithm: algorithm)
        try await withVerifier(knowing: keySet(key.jwk(kid: "k"))) { verifier in
            #expect(await verifier.reason(against: good.signed(by: key)) == nil)
            try await body(verifier, key, good)
            #expect(await verifier.reason(against: good.signed(by: key)) == nil)
        }
    }

    @Test(arguments: SignatureAlgorithm.allCases)
    func acceptsEveryAlgorithmAndRefusesABrokenSignature(algorithm: SignatureAlgorithm) async throws {
        try await withKey(algorithm) { verifier, key, good in
            let token = good.signed(by: key)
            let caller = try await verifier.caller(for: token)
            #expect(caller.subject == "alice")
            #expect(caller.issuer == "https://issuer.example")
            #expect(caller.isAdmin)

            let dot = try #require(token.lastIndex(of: "."))
            var signature = try #require(Base64URL.decode(token[token.index(after: dot)...].utf8))
            for position in [0, signature.count / 2, signature.count - 1] {
                signature[position] ^= 1
                #expect(await verifier.fault(of: token[...dot] + Base64URL.encode(signature)) == .badSignature)
                signature[position] ^= 1
            }
            for wrong: [UInt8] in [[], [0], signature.dropLast(), signature + [0], [0] + signature] {
                #expect(await verifier.fault(of: token[...dot] + Base64URL.encode(wrong)) == .badSignature)
            }
            var other = good
            other.claims = good.claims.with("sub", "mallory")
            let forged = other.signed(by: key)
            let end = try #require(forged.lastIndex(of: "."))
            #expect(
                await verifier.fault(of: forged[...end] + String(token[token.index(after: dot)...])) == .badSignature)
        }
    }

    @Test func refusesAnotherKeyOfTheSameKind() async throws {
        try await withKey { verifier, _, good in
            let foreign = try TestKey.make(.es256)
            #expect(await verifier.fault(of: good.signed(by: foreign)) == .badSignature)
        }
    }

    @Test func refusesUnsupportedAlgorithms() async throws {
        try await withKey { verifier, key, good in
            for name in ["none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "ES256K", "RS1", "es256"] {
                var token = good
                token.header = good.header.with("alg", .string(name))
                #expect(await verifier.fault(of: token.signed(by: key)) == .unsupportedAlgorithm)
                let signed = token.signed(by: key)
                let unsigned = signed[...(try #require(signed.lastIndex(of: ".")))]
                #expect(await verifier.fault(of: String(unsigned)) == .unsupportedAlgorithm)
            }
            for value: JSONValue? in [nil, .null, 5, ["ES256"], true] {
                var token = good
                token.header = good.header.with("alg", value)
                #expect(await verifier.fault(of: token.signed(by: key)) == .unsupportedAlgorithm)
            }
        }
    }

    /// The key determines the algorithm, even if the signature is valid under another that the token states.
    @Test func refusesAnotherAlgorithmOfTheSameKey() async throws {
        try await withKey(.rs256) { verifier, key, _ in
            for algorithm in SignatureAlgorithm.allCases where algorithm.isRSA && algorithm != .rs256 {
                let token = TokenSketch(algorithm: algorithm).signed(by: key.using(algorithm))
                #expect(await verifier.fault(of: token) == .algorithmMismatch)
            }
            // Algorithm confusion: a signature of one kind under the name of another.
            #expect(
                await verifier.fault(of: TokenSketch(algorithm: .rs256).signed(by: key.using(.ps256))) == .badSignature)
        }
    }

    @Test(
        arguments: [
            ("crit", ["exp"], .criticalHeader), ("crit", [], .criticalHeader), ("b64", false, .detachedPayload),
            ("b64", true, .detachedPayload), ("crit", nil, .criticalHeader), ("crit", ["jku"], .criticalHeader),
            ("zip", "DEF", .compressed), ("enc", "A256GCM", .compressed), ("kid", 5, .malformedHeader),
            ("typ", 5, .malformedHeader), ("kid", ["k"], .malformedHeader), ("typ", ["JWT"], .malformedHeader),
        ] as [(String, JSONValue, TokenFault)])
    func refusesHeadersThatBringTheirOwnRules(name: String, value: JSONValue, fault: TokenFault) async throws {
        try await withKey { verifier, key, good in
            var token = good
            token.header = good.header.with(name, value)
            #expect(await verifier.fault(of: token.signed(by: key)) == fault)
        }
    }

    /// Parameters that only offer a key (RFC 7515 §4.1.2 to §4.1.8), null values, and unknown parameters.
    @Test(
        arguments: [
            ("jku", "https://evil.example/jwks"), ("jku", 5), ("x5u", "https://evil.example/c"), ("x5c", ["MIIB"]),
            ("x5c", []), ("x5t", "AAAA"), ("x5t#S256", "AAAA"), ("jwk", ["kty": "oct", "k": "AA"]), ("jwk", "x"),
            ("kid", nil), ("typ", nil), ("zip", nil), ("enc", nil), ("jku", nil), ("cty", "JWT"), ("nonce", "n"),
            ("x", ["y": [1, nil]]),
        ] as [(String, JSONValue)])
    func ignoresHeadersWithoutEffect(name: String, value: JSONValue) async throws {
        try await withKey { verifier, key, good in
            let foreign = try TestKey.make(.es256)
            var token = good
            token.header = good.header.with(name, value)
            #expect(await verifier.reason(against: token.signed(by: key)) == nil)
            #expect(await verifier.fault(of: token.signed(by: foreign)) == .badSignature)
            // A key inside the token verifies nothing, under any id.
            token.header = token.header.with("jwk", try foreign.jwk(kid: "foreign"))
                .with("x5c", [.string(Data(foreign.certificate).base64EncodedString())])
            #expect(await verifier.fault(of: token.signed(by: foreign)) == .badSignature)
            token.header = token.header.with("kid", "foreign")
            #expect(await verifier.fault(of: token.signed(by: foreign)) == .unknownKey)
        }
    }

    /// RFC 9864 renames EdDSA over Ed25519; keys and tokens may use either name.
    @Test(arguments: ["EdDSA", "Ed25519", nil], ["EdDSA", "Ed25519"])
    func acceptsBothNamesOfEd25519(ofKey: String?, ofToken: String) async throws {
        let key = try TestKey.make(.edDSA)
        let jwk = try key.jwk(kid: "k", declares: false).with("alg", ofKey.map { .string($0) })
        try await withVerifier(knowing: keySet(jwk)) { verifier in
            var token = TokenSketch(algorithm: .edDSA)
            token.header = token.header.with("alg", .string(ofToken))
            #expect(await verifier.reason(against: token.signed(by: key)) == nil)
            let foreign = try TestKey.make(.edDSA)
            #expect(await verifier.fault(of: token.signed(by: foreign)) == .badSignature)
            token.header = token.header.with("alg", "Ed448")
            #expect(await verifier.fault(of: token.signed(by: key)) == .unsupportedAlgorithm)
        }
    }

    /// For every key type, a set without algorithms is enough under the default settings.
    @Test(arguments: [SignatureAlgorithm.rs256, .es256, .es384, .es512, .edDSA])
    func acceptsKeysWithoutAlgorithmByDefault(algorithm: SignatureAlgorithm) async throws {
        let key = try TestKey.make(algorithm)
        try await withVerifier(knowing: keySet(key.jwk(kid: "k", declares: false))) { verifier in
            #expect(await verifier.reason(against: TokenSketch(algorithm: algorithm).signed(by: key)) == nil)
        }
    }

    @Test func refusesDuplicates() async throws {
        try await withKey { verifier, key, good in
            let header = #"{"alg":"ES256","kid":"k","kid":"k"}"#
            #expect(
                await verifier.fault(of: TokenSketch.signed(header: header, claims: good.claims.text, by: key))
                    == .duplicateHeader)
            let claims = good.claims.text.dropLast() + #","s\u0075b":"bob"}"#
            #expect(
                await verifier.fault(
                    of: TokenSketch.signed(header: good.header.text, claims: String(claims), by: key))
                    == .duplicateClaim)
        }
    }

    @Test func refusesMalformedCompactTokens() async throws {
        try await withKey { verifier, key, good in
            let token = good.signed(by: key)
            let segments = token.split(separator: ".").map(String.init)
            for text in ["", ".", "garbage", token + ".", "." + token, segments[0] + "." + segments[1], "a.b.c.d"] {
                #expect(await verifier.fault(of: text) == .notCompact)
            }
            #expect(await verifier.fault(of: "....") == .encrypted)
            #expect(await verifier.fault(of: token + ".AAAA.AAAA") == .encrypted)
            for text in [
                token + "=", token + " ", " " + token, segments[0] + "=." + segments[1] + "." + segments[2],
                token + "\n", "é" + token, "\0" + token,
            ] {
                #expect(await verifier.fault(of: text) == .malformedEncoding)
            }
            for header in ["", "5", "[]", "null", "{", "{}x", String(repeating: "[", count: 5000)] {
                let text = Base64URL.encode(Array(header.utf8)) + "." + segments[1] + "." + segments[2]
                #expect(await verifier.fault(of: text) == .malformedHeader)
            }
            for claims in ["", "5", "[]", "null", "{", "\"x\"", #"{"a":"# + String(repeating: "[", count: 5000)] {
                let text = TokenSketch.signed(header: good.header.text, claims: claims, by: key)
                #expect(await verifier.fault(of: text) == .malformedClaims)
            }
        }
    }

    /// A signature's last character has unused bits; only the canonical spelling is accepted.
    @Test func refusesOtherSpellingsOfTheSameSignature() async throws {
        try await withKey(.es256) { verifier, key, good in
            let token = good.signed(by: key)
            let last = try #require(token.last)
            let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
            let value = try #require(alphabet.firstIndex(of: last))
            #expect(value % 16 == 0)
            #expect(await verifier.fault(of: token.dropLast() + String(alphabet[value + 1])) == .malformedEncoding)
        }
    }

    @Test func limitsTheSize() async throws {
        try await withKey { verifier, key, good in
            var token = good
            token.claims = good.claims.with("pad", .string(String(repeating: "x", count: 11_000)))
            #expect(await verifier.reason(against: token.signed(by: key)) == nil)
            token.claims = good.claims.with("pad", .string(String(repeating: "x", count: 13_000)))
            #expect(await verifier.fault(of: token.signed(by: key)) == .tooLarge)
        }
    }

    @Test(
        arguments: [
            ("exp", nil, .missingExpiry), ("exp", "1900000000", .missingExpiry), ("exp", .null, .missingExpiry),
            ("exp", 1e300, .missingExpiry), ("exp", .number(TestTime.now - 31), .expired),
            ("exp", .number(TestTime.now - 30), .expired), ("exp", .number(TestTime.now - 29), nil),
            ("exp", .number(TestTime.now + 0.5), nil), ("exp", 0, .expired), ("exp", -5, .expired),
            ("nbf", .number(TestTime.now + 31), .notYetValid), ("nbf", .number(TestTime.now + 30), nil),
            ("exp", .number(.infinity), .missingExpiry), ("nbf", .null, nil), ("iat", .null, nil), ("jti", .null, nil),
            ("nbf", .number(.infinity), .malformedClaims), ("nbf", true, .malformedClaims),
            ("aud", .null, .wrongAudience),
            ("scope", .null, nil), ("azp", .null, nil), ("iss", .null, .missingIssuer), ("sub", .null, .missingSubject),
            ("quota", .number(.infinity), nil), ("quota", [.number(-.infinity), 1e308], nil),
            ("nbf", "0", .malformedClaims), ("nbf", 0, nil), ("iat", .number(TestTime.now + 31), .issuedInFuture),
            ("iat", .number(TestTime.now + 30), nil), ("iat", "x", .malformedClaims), ("iat", nil, nil),
            ("iss", nil, .missingIssuer), ("iss", ["https://issuer.example"], .missingIssuer),
            ("iss", "https://issuer.example/", .unknownIssuer), ("iss", "https://ISSUER.example", .unknownIssuer),
            ("iss", "", .unknownIssuer), ("sub", nil, .missingSubject), ("sub", "", .missingSubject),
            ("sub", 5, .missingSubject), ("aud", nil, .wrongAudience), ("aud", "other", .wrongAudience),
            ("aud", "SimpleAI", .wrongAudience), ("aud", "simpleai ", .wrongAudience), ("aud", [], .wrongAudience),
            ("aud", ["other", "simpleai"], nil), ("aud", ["other"], .wrongAudience), ("aud", 5, .malformedClaims),
            ("aud", ["simpleai", 5], .malformedClaims), ("aud", ["simpleai": true], .malformedClaims),
        ] as [(String, JSONValue?, TokenFault?)])
    func validatesClaims(name: String, value: JSONValue?, fault: TokenFault?) async throws {
        try await withKey { verifier, key, good in
            var token = good
            token.claims = good.claims.with(name, value)
            #expect(await verifier.fault(of: token.signed(by: key)) == fault)
        }
    }

    @Test func requiresTheConfiguredType() async throws {
        let key = try TestKey.make(.es256)
        var issuer = IssuerConfiguration.example
        issuer.tokenType = "at+jwt"
        try await withVerifier(knowing: keySet(key.jwk(kid: "k")), as: issuer) { verifier in
            for (type, isGood) in [
                ("at+jwt", true), ("AT+JWT", true), ("application/at+jwt", true), ("JWT", false), ("", false),
                ("at+jwtx", false),
            ] {
                var token = TokenSketch()
                token.header = token.header.with("typ", .string(type))
                #expect(await verifier.fault(of: token.signed(by: key)) == (isGood ? nil : .wrongType))
            }
            var untyped = TokenSketch()
            untyped.header = untyped.header.with("typ", nil)
            #expect(await verifier.fault(of: untyped.signed(by: key)) == .wrongType)
        }
    }

    @Test(
        arguments: [
            ("scope", "read infer", true), ("scope", "infer write read", true), ("scp", ["read", "infer"], true),
            ("scp", "read infer", true), ("scope", "read", false), ("scope", "readinfer", false), ("scope", 5, false),
            ("scp", ["read infer"], false), ("scp", ["read", "infer", 5], true), ("scp", ["read", 5], false),
            ("scp", nil, false),
        ] as [(String, JSONValue, Bool)])
    func requiresEveryScope(name: String, value: JSONValue, isGood: Bool) async throws {
        let key = try TestKey.make(.es256)
        var issuer = IssuerConfiguration.example
        issuer.scopes = ["infer", "read"]
        try await withVerifier(knowing: keySet(key.jwk(kid: "k")), as: issuer) { verifier in
            var token = TokenSketch()
            token.claims = token.claims.with(name, value)
            #expect(await verifier.fault(of: token.signed(by: key)) == (isGood ? nil : .missingScope))
        }
    }

    @Test(
        arguments: [
            (["azp": "app"], true), (["azp": "other-app"], true), (["azp": "App"], false), (["azp": "foreign"], false),
            (["azp": nil], false), (["azp": ["app"]], false), ([:], false), (["client_id": "app"], true),
            (["client_id": "foreign"], false), (["azp": "foreign", "client_id": "app"], false),
            (["azp": "app", "client_id": "foreign"], true), (["appid": "app"], true), (["cid": "app"], true),
            (["appid": "foreign"], false), (["cid": "foreign"], false), (["azp": nil, "cid": "app"], true),
            (["azp": 5, "cid": "app"], false), (["client_id": "foreign", "appid": "app"], false),
            (["appid": "foreign", "cid": "app"], false), (["aud": "app"], false), (["AppID": "app"], false),
        ] as [(JSONValue, Bool)])
    func requiresAConfiguredApplication(members: JSONValue, isGood: Bool) async throws {
        let key = try TestKey.make(.es256)
        var issuer = IssuerConfiguration.example
        issuer.authorizedParties = ["app", "other-app"]
        try await withVerifier(knowing: keySet(key.jwk(kid: "k")), as: issuer) { verifier in
            var token = TokenSketch()
            for (name, value) in members.object ?? [:] { token.claims = token.claims.with(name.rawValue, value) }
            let expected: TokenFault? = isGood ? nil : members.object?["aud"] == nil ? .wrongParty : .wrongAudience
            #expect(await verifier.fault(of: token.signed(by: key)) == expected)
        }
    }

    /// The first claim that is present names the caller; a claim that is present but not a name does not fall through
    /// to the next.
    @Test(
        arguments: [
            (["sub": "alice", "client_id": "batch"], "alice"), (["sub": nil, "client_id": "batch"], "batch"),
            (["client_id": "batch"], "batch"), (["sub": "", "client_id": "batch"], nil), (["client_id": ""], nil),
            (["sub": 5, "client_id": "batch"], nil), (["client_id": ["batch"]], nil), ([:], nil),
            (["act": ["sub": "deep"]], "deep"), (["client_id": nil, "act": ["sub": "deep"]], "deep"),
            (["act": "x"], nil), (["act": [:]], nil),
        ] as [(JSONValue, String?)])
    func readsTheSubjectFromConfiguredClaims(members: JSONValue, subject: String?) async throws {
        let key = try TestKey.make(.es256)
        var issuer = IssuerConfiguration.example
        issuer.subjectClaims = [.dotted("sub"), .dotted("client_id"), .keys(["act", "sub"])]
        try await withVerifier(knowing: keySet(key.jwk(kid: "k")), as: issuer) { verifier in
            var token = TokenSketch()
            token.claims = token.claims.with("sub", nil)
            for (name, value) in members.object ?? [:] { token.claims = token.claims.with(name.rawValue, value) }
            let text = token.signed(by: key)
            if let subject {
                let caller = try await verifier.caller(for: text)
                #expect(caller.subject.rawValue == subject)
            } else {
                #expect(await verifier.fault(of: text) == .missingSubject)
            }
        }
    }

    /// A token is reported as expired only if its signature is valid and it has no other fault.
    @Test func onlyAValidTokenIsReportedAsExpired() async throws {
        try await withKey { verifier, key, good in
            func rejection(_ token: String) async -> TokenRejection? {
                do throws(TokenRejection) {
                    _ = try await verifier.caller(for: token)
                    return nil
                } catch {
                    return error
                }
            }
            var token = good
            token.claims = good.claims.with("exp", .number(TestTime.now - 3600))
            guard case .expired(let reason)? = await rejection(token.signed(by: key)) else {
                Issue.record("a good token that has expired is not called so")
                return
            }
            #expect(reason.contains("1799996400"))
            func isInvalid(_ token: String) async -> Bool {
                if case .invalid? = await rejection(token) { true } else { false }
            }
            let foreign = try TestKey.make(.es256)
            #expect(await isInvalid(token.signed(by: foreign)))
            for (name, value) in [("aud", "other"), ("iss", "https://other"), ("sub", "")] as [(String, JSONValue)] {
                var worse = token
                worse.claims = token.claims.with(name, value)
                #expect(await isInvalid(worse.signed(by: key)), "\(name)")
            }
            token.header = token.header.with("kid", "another")
            #expect(await isInvalid(token.signed(by: key)))
        }
    }

    @Test func audienceAnyAcceptsEveryAudience() async throws {
        let key = try TestKey.make(.es256)
        var issuer = IssuerConfiguration.example
        issuer.audience = .any
        try await withVerifier(knowing: keySet(key.jwk(kid: "k")), as: issuer) { verifier in
            for audience: JSONValue? in [nil, "other", ["a", "b"]] {
                var token = TokenSketch()
                token.claims = token.claims.with("aud", audience)
                #expect(await verifier.reason(against: token.signed(by: key)) == nil)
            }
        }
    }
}
