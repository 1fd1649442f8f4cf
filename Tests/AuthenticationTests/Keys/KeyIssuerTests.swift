import SimpleAICore
import TestSupport
import Testing

@testable import Authentication

/// Key sets of Entra ID contain keys for several issuers, and state the issuer of each key.
@Suite(.timeLimit(.minutes(5))) struct KeyIssuerTests {
    private static let tenant = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
    private static let name = "https://login.microsoftonline.com/\(tenant)/v2.0"
    private static let template = "https://login.microsoftonline.com/{tenantid}/v2.0"
    private static let otherTenant = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"

    private static func token(_ key: TestKey, kid: String? = "k", tenant: JSONValue = .string(tenant)) -> String {
        var sketch = TokenSketch(issuer: name, kid: kid)
        sketch.claims = sketch.claims.with("tid", tenant)
        return sketch.signed(by: key)
    }

    private static func configuration() -> IssuerConfiguration {
        IssuerConfiguration(issuer: IssuerID(name), audience: .oneOf(["simpleai"]))
    }

    @Test(
        arguments: [
            (nil, nil), ("", nil), (.string(name), nil), (.string(template), nil), (.string(otherTenant), .foreignKey),
            (.string(name + "/"), .foreignKey), ("https://login.microsoftonline.com/{tenantid}/V2.0", .foreignKey),
            ("{tenantid}", .foreignKey),
        ] as [(JSONValue, TokenFault?)])
    func aKeySignsForItsOwnIssuer(issuer: JSONValue, fault: TokenFault?) async throws {
        let key = try TestKey.make(.es256)
        let document = try keySet(key.jwk(kid: "k").with("issuer", issuer))
        try await withVerifier(knowing: document, as: Self.configuration()) { verifier in
            #expect(await verifier.fault(of: Self.token(key)) == fault)
            if issuer == .string(Self.template) {
                // A token must state its tenant if the key depends on it.
                #expect(await verifier.fault(of: Self.token(key, tenant: nil)) == .foreignKey)
            }
        }
    }

    @Test func anotherIssuersKeyWithTheSameIDIsNotAmbiguous() async throws {
        let (own, other) = (try TestKey.make(.es256), try TestKey.make(.es256))
        let document = try keySet(
            other.jwk(kid: "k").with("issuer", .string(Self.otherTenant)),
            own.jwk(kid: "k").with("issuer", .string(Self.template)))
        try await withVerifier(knowing: document, as: Self.configuration()) { verifier in
            #expect(await verifier.reason(against: Self.token(own)) == nil)
            #expect(await verifier.reason(against: Self.token(own, kid: nil)) == nil)
            #expect(await verifier.fault(of: Self.token(other)) == .badSignature)
        }
    }

    /// One key under two issuers is two keys: a token is valid if one of them belongs to its issuer.
    @Test func acceptsAKeyOfTwoIssuersForBoth() async throws {
        let key = try TestKey.make(.es256)
        let document = try keySet(
            key.jwk(kid: "k").with("issuer", .string(Self.otherTenant)),
            key.jwk(kid: "k").with("issuer", .string(Self.name)))
        try await withVerifier(knowing: document, as: Self.configuration()) { verifier in
            #expect(await verifier.reason(against: Self.token(key)) == nil)
        }
    }

    @Test func ignoresAKeyWhoseIssuerIsNotAString() throws {
        let key = try TestKey.make(.es256)
        let set = try KeySet(document: keySet(key.jwk(kid: "a").with("issuer", 5), key.jwk(kid: "b")), algorithms: [])
        #expect(set.keys.map(\.id) == ["b"])
        #expect(set.skipped.map(\.problem) == [.malformed])
    }

    @Test func theKeysOfATemplateComeFromTheDocumentOfAllTenants() async throws {
        let key = try TestKey.make(.es256)
        try await KeyServer.run { server in
            let template = server.url + "/{tenantid}/v2.0"
            server.respond(
                "/common/v2.0/.well-known/openid-configuration",
                with: ["issuer": .string(template), "jwks_uri": .string(server.url + "/keys")])
            server.respond("/keys", with: ["keys": [try key.jwk(kid: "k").with("issuer", .string(template))]])
            var issuer = IssuerConfiguration(issuer: IssuerID(template), audience: .oneOf(["simpleai"]))
            issuer.tenants = [Self.tenant]
            try await withRunningVerifier(issuer) { verifier in
                await verifier.keysArrived()
                for (tenant, fault) in [(Self.tenant, nil), ("another", TokenFault.wrongTenant)] {
                    var sketch = TokenSketch(issuer: server.url + "/\(tenant)/v2.0")
                    sketch.claims = sketch.claims.with("tid", .string(tenant))
                    #expect(await verifier.fault(of: sketch.signed(by: key)) == fault)
                }
            }
        }
    }

    /// A template without tenants accepts no token.
    @Test func aTemplateWithoutTenantsAcceptsNoToken() async throws {
        let key = try TestKey.make(.es256)
        let issuer = IssuerConfiguration(issuer: IssuerID(Self.template), audience: .any)
        try await withVerifier(knowing: keySet(key.jwk(kid: "k")), as: issuer) { verifier in
            #expect(await verifier.fault(of: Self.token(key)) == .wrongTenant)
        }
    }
}
