import SimpleAICore

@testable import Authentication

extension ProviderShape {
    private static let tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47"
    private static let otherTenant = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
    private static let strangersTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"
    private static func entraIssuer(_ tenant: String) -> JSONValue {
        .string("https://login.microsoftonline.com/\(tenant)/v2.0")
    }
    private static let application = "6731de76-14a6-49ae-97bc-6eba6914391e"
    /// A key that is not for signatures.
    private static let encryptionKey: JSONValue = [
        "kty": "RSA", "kid": "enc", "use": "enc", "alg": "RSA-OAEP", "n": "AQAB", "e": "AQAB",
    ]

    static let all = clouds + selfHosted + machines + others

    private static let clouds = [
        ProviderShape(
            testDescription: "Entra ID, version 2", issuer: "https://login.microsoftonline.com/\(tenant)/v2.0",
            audience: .oneOf([application]),
            keyMembers: ["use": "sig", "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0"],
            hasCertificate: true, header: ["typ": "JWT"],
            claims: [
                "aud": .string(application), "nbf": .number(TestTime.now - 10), "aio": "AXQAi/8", "azp": "cli-app",
                "azpacr": "1", "oid": "690222be", "preferred_username": "alice@example.com", "rh": "0.AX",
                "roles": ["admin"], "scp": "llm", "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
                "tid": .string(tenant), "uti": "x", "ver": "2.0", "xms_ftd": nil,
            ],
            settings: {
                $0.authorizedParties = ["cli-app"]
                $0.scopes = ["llm"]
                $0.roleClaims = [.dotted("roles")]
            },
            subject: "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
            refused: [
                (["aud": "00000003-0000-0000-c000-000000000000"], .wrongAudience),
                (["iss": .string("https://sts.windows.net/\(tenant)/")], .unknownIssuer),
                (["iss": "https://login.microsoftonline.com/another-tenant/v2.0"], .unknownIssuer),
            ]),
        ProviderShape(
            testDescription: "Entra ID, version 1", issuer: "https://sts.windows.net/\(tenant)/",
            audience: .oneOf(["api://simpleai"]), keyMembers: ["use": "sig"], hasCertificate: true,
            header: ["typ": "JWT", "x5t": "dGh1bWI"],
            claims: [
                "aud": "api://simpleai", "nbf": .number(TestTime.now - 10), "acr": "1", "amr": ["pwd"],
                "appid": "cli-app",
                "appidacr": "0", "idtyp": "app", "oid": "690222be", "sub": "690222be", "tid": .string(tenant),
                "ver": "1.0", "roles": ["admin"],
            ],
            settings: { $0.authorizedParties = ["cli-app"] }, subject: "690222be",
            refused: [
                (["appid": "other-app"], .wrongParty), (["appid": nil], .wrongParty),
                (["iss": .string("https://sts.windows.net/\(tenant)")], .unknownIssuer),
            ]),
        ProviderShape(
            testDescription: "Entra ID, version 1, with a key set of version 2",
            issuer: "https://sts.windows.net/\(tenant)/", audience: .oneOf(["api://simpleai"]),
            keyMembers: ["use": "sig", "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0"],
            hasCertificate: true, header: ["typ": "JWT", "x5t": "dGh1bWI"],
            claims: [
                "aud": "api://simpleai", "appid": "cli-app", "sub": "690222be", "tid": .string(tenant), "ver": "1.0",
                "roles": ["admin"],
            ],
            subject: "690222be", refused: [(["tid": .string(otherTenant)], .foreignKey), (["tid": nil], .foreignKey)]),
        ProviderShape(
            testDescription: "Entra ID, several tenants", issuer: "https://login.microsoftonline.com/{tenantid}/v2.0",
            audience: .oneOf([application]),
            keyMembers: ["use": "sig", "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0"],
            hasCertificate: true, header: ["typ": "JWT"],
            claims: [
                "iss": entraIssuer(otherTenant), "tid": .string(otherTenant), "aud": .string(application),
                "azp": "cli-app", "oid": "690222be", "roles": ["admin"], "sub": "HKZpfaHyWade", "ver": "2.0",
            ],
            settings: { $0.tenants = [tenant, otherTenant] },
            subject: "HKZpfaHyWade", tokenIssuer: "https://login.microsoftonline.com/\(otherTenant)/v2.0",
            refused: [
                (["iss": entraIssuer(strangersTenant), "tid": .string(strangersTenant)], .wrongTenant),
                // A tenant's name in capital letters, or with an additional letter, belongs to another tenant.
                (
                    ["iss": entraIssuer(otherTenant.uppercased()), "tid": .string(otherTenant.uppercased())],
                    .wrongTenant
                ),
                (["iss": entraIssuer(otherTenant + "x"), "tid": .string(otherTenant + "x")], .wrongTenant),
                // Issuer and tenant must match.
                (["iss": entraIssuer(tenant)], .unknownIssuer), (["tid": .string(tenant)], .unknownIssuer),
                (["tid": nil], .unknownIssuer), (["tid": 5], .unknownIssuer),
                (["iss": entraIssuer("{tenantid}"), "tid": nil], .unknownIssuer),
                (["iss": entraIssuer("{tenantid}"), "tid": "{tenantid}"], .wrongTenant),
                (["iss": entraIssuer(""), "tid": ""], .unknownIssuer),
                (["iss": .string("https://sts.windows.net/\(otherTenant)/")], .unknownIssuer),
                (["aud": "00000003-0000-0000-c000-000000000000"], .wrongAudience),
            ]),
        ProviderShape(
            testDescription: "Google", issuer: "https://accounts.google.com",
            audience: .oneOf(["1234.apps.googleusercontent.com"]), header: ["typ": "JWT"],
            claims: [
                "aud": "1234.apps.googleusercontent.com", "azp": "1234.apps.googleusercontent.com",
                "sub": "110169484474386276334", "email": "alice@example.com", "email_verified": true,
                "hd": "example.com", "at_hash": "x",
            ],
            settings: {
                $0.roleClaims = [.dotted("email")]
                $0.adminRole = "alice@example.com"
            },
            subject: "110169484474386276334", refused: [(["aud": "5678.apps.googleusercontent.com"], .wrongAudience)]),
        ProviderShape(
            testDescription: "Okta", issuer: "https://dev-1.okta.com/oauth2/default",
            audience: .oneOf(["api://default"]),
            claims: [
                "ver": 1, "jti": "AT.x", "aud": "api://default", "cid": "0oa1", "uid": "00u1",
                "scp": ["openid", "llm"],
                "sub": "alice@example.com", "groups": ["Everyone", "admin"],
            ],
            settings: {
                $0.authorizedParties = ["0oa1"]
                $0.scopes = ["llm"]
                $0.roleClaims = [.dotted("groups")]
            },
            subject: "alice@example.com",
            refused: [(["cid": "0oa2"], .wrongParty), (["scp": ["openid"]], .missingScope)]),
        ProviderShape(
            testDescription: "Auth0", issuer: "https://example.eu.auth0.com/",
            audience: .oneOf(["https://simpleai.example.com"]), hasCertificate: true, header: ["typ": "JWT"],
            claims: [
                "sub": "auth0|123456",
                "aud": ["https://simpleai.example.com", "https://example.eu.auth0.com/userinfo"],
                "azp": "my_client_id", "scope": "openid profile", "permissions": ["admin"],
            ],
            settings: { $0.roleClaims = [.dotted("https://example.com/roles"), .dotted("permissions")] },
            subject: "auth0|123456",
            refused: [
                (["aud": "https://example.eu.auth0.com/userinfo"], .wrongAudience),
                (["iss": "https://example.eu.auth0.com"], .unknownIssuer),
            ]),
        ProviderShape(
            testDescription: "Cognito", issuer: "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc",
            audience: .any,
            claims: [
                "sub": "aaaaaaaa-bbbb", "cognito:groups": ["admin"], "version": 2, "client_id": "app-client",
                "origin_jti": "x", "event_id": "y", "token_use": "access", "scope": "openid", "username": "alice",
            ],
            settings: {
                $0.authorizedParties = ["app-client"]
                $0.roleClaims = [.dotted("cognito:groups")]
            },
            subject: "aaaaaaaa-bbbb",
            refused: [
                (["client_id": "another"], .wrongParty),
                // An ID token names the client as its audience, and no authorised party.
                (["client_id": nil, "aud": "app-client", "token_use": "id"], .wrongParty),
            ]),
    ]

    private static let selfHosted = [
        ProviderShape(
            testDescription: "Keycloak", issuer: "https://sso.example.com/realms/main", hasCertificate: true,
            otherKeys: [encryptionKey], header: ["typ": "JWT"],
            claims: [
                "aud": ["simpleai", "account"], "sub": "f3a1", "typ": "Bearer", "azp": "open-webui", "sid": "5f1c",
                "acr": "1", "realm_access": ["roles": ["default-roles-main", "admin"]], "scope": "openid email",
            ],
            settings: { $0.authorizedParties = ["open-webui"] }, subject: "f3a1",
            refused: [(["aud": "account"], .wrongAudience), (["sub": nil], .missingSubject)]),
        ProviderShape(
            testDescription: "Keycloak, a client without the scope basic",
            issuer: "https://sso.example.com/realms/main",
            otherKeys: [encryptionKey], header: ["typ": "JWT"],
            claims: [
                "aud": "simpleai", "typ": "Bearer", "azp": "nightly-batch", "scope": "email",
                "resource_access": ["simpleai": ["roles": ["admin"]]], "client_id": "nightly-batch",
            ],
            settings: {
                $0.subjectClaims = [.dotted("sub"), .dotted("client_id")]
                $0.roleClaims = [.keys(["resource_access", "simpleai", "roles"])]
            },
            subject: "nightly-batch", refused: [(["client_id": nil], .missingSubject)]),
        ProviderShape(
            testDescription: "Authentik", issuer: "https://sso.example.com/application/o/simpleai/",
            audience: .oneOf(["client"]), algorithm: .es256, keyMembers: ["use": "sig", "alg": "ES256"],
            hasCertificate: true, header: ["typ": "JWT"],
            claims: [
                "aud": "client", "sub": "0f1e", "azp": "client", "uid": "x",
                "acr": "goauthentik.io/providers/oauth2/default",
                "amr": ["pwd"], "groups": ["llm-admins"], "scope": "openid profile",
            ],
            settings: {
                $0.roleClaims = [.dotted("groups")]
                $0.adminRole = "llm-admins"
            },
            subject: "0f1e",
            refused: [(["iss": "https://sso.example.com/application/o/simpleai"], .unknownIssuer)]),
        ProviderShape(
            testDescription: "Zitadel", issuer: "https://sso.example.com", audience: .oneOf(["286706913100431363"]),
            claims: [
                "aud": ["286707258644037635", "286706913100431363"], "sub": "286701259430887427",
                "client_id": "286707258644037635", "jti": "V2_1", "nbf": .number(TestTime.now - 10), "locale": nil,
                "urn:zitadel:iam:org:project:roles": [
                    "admin": ["2718": "example.com"], "user": ["2718": "example.com"],
                ],
            ],
            settings: { $0.roleClaims = [.memberNames(.keys(["urn:zitadel:iam:org:project:roles"]))] },
            subject: "286701259430887427"),
        ProviderShape(
            testDescription: "Dex", issuer: "https://dex.example.com/dex",
            claims: [
                "aud": "simpleai", "sub": "CgcyMzQyNzQ5EgZnaXRodWI", "at_hash": "x", "email": "alice@example.com",
                "email_verified": true, "groups": ["example:admin"], "name": "Alice",
                "federated_claims": ["connector_id": "github", "user_id": "2342749"],
            ],
            settings: {
                $0.roleClaims = [.dotted("groups")]
                $0.adminRole = "example:admin"
            },
            subject: "CgcyMzQyNzQ5EgZnaXRodWI"),
        ProviderShape(
            testDescription: "Authelia", issuer: "https://auth.example.com",
            keyMembers: ["use": "sig", "alg": "RS256"],
            header: ["typ": "at+jwt"],
            claims: [
                "aud": ["simpleai"], "client_id": "open-webui", "jti": "0b", "nbf": .number(TestTime.now - 10),
                "scope": "openid groups llm:admin", "scp": ["openid", "groups", "llm:admin"], "sub": "8121df42-57ca",
            ],
            settings: {
                $0.tokenType = "at+jwt"
                $0.roleClaims = [.dotted("scope")]
                $0.adminRole = "llm:admin"
            },
            subject: "8121df42-57ca", refused: [(["aud": []], .wrongAudience)]),
    ]

    private static let machines = [
        ProviderShape(
            testDescription: "Kubernetes", issuer: "https://kubernetes.default.svc.cluster.local",
            claims: [
                "aud": ["simpleai"], "sub": "system:serviceaccount:ml:nightly", "nbf": .number(TestTime.now - 10),
                "jti": "x",
                "kubernetes.io": [
                    "namespace": "ml", "pod": ["name": "nightly-1", "uid": "x"],
                    "serviceaccount": ["name": "nightly", "uid": "y"], "warnafter": .number(TestTime.now),
                ],
            ],
            settings: {
                $0.roleClaims = [.dotted("sub"), .keys(["kubernetes.io", "namespace"])]
                $0.adminRole = "system:serviceaccount:ml:nightly"
                $0.specificRole = "ml"
            },
            subject: "system:serviceaccount:ml:nightly",
            refused: [(["aud": ["https://kubernetes.default.svc.cluster.local"]], .wrongAudience)]),
        ProviderShape(
            testDescription: "GitHub Actions", issuer: "https://token.actions.githubusercontent.com",
            hasCertificate: true, header: ["typ": "JWT", "x5t": "dGh1bWI"],
            claims: [
                "aud": "simpleai", "sub": "repo:example/evals:ref:refs/heads/main", "ref": "refs/heads/main",
                "repository": "example/evals", "repository_owner": "example", "run_id": "1", "event_name": "push",
                "nbf": .number(TestTime.now - 310), "ref_protected": "true", "runner_environment": "github-hosted",
            ],
            settings: {
                $0.roleClaims = [.dotted("repository")]
                $0.specificRole = "example/evals"
            },
            subject: "repo:example/evals:ref:refs/heads/main", isAdmin: false,
            refused: [(["aud": "https://github.com/example"], .wrongAudience)]),
    ]

    private static let others = [
        ProviderShape(
            testDescription: "Cloud Foundry UAA and SAP XSUAA",
            issuer: "https://example.authentication.sap.hana.ondemand.com/oauth/token",
            header: [
                "typ": "JWT", "jku": "https://example.authentication.sap.hana.ondemand.com/token_keys", "jid": "x",
            ],
            claims: [
                "aud": ["simpleai", "uaa"], "sub": "sb-simpleai", "azp": "sb-simpleai", "cid": "sb-simpleai",
                "scope": ["uaa.resource", "simpleai.admin"], "authorities": ["uaa.resource", "simpleai.admin"],
                "rev_sig": "x", "zid": "y", "ext_attr": ["enhancer": "XSUAA"],
            ],
            settings: {
                $0.roleClaims = [.dotted("scope")]
                $0.adminRole = "simpleai.admin"
                $0.authorizedParties = ["sb-simpleai"]
            },
            subject: "sb-simpleai"),
        ProviderShape(
            testDescription: "Rauthy", issuer: "https://auth.example.com/auth/v1", algorithm: .edDSA, keyMembers: [:],
            otherKeys: [encryptionKey, ["kty": "oct", "kid": "o", "k": "AAAA"]], header: ["typ": "JWT"],
            claims: [
                "aud": "simpleai", "sub": "za6wUDo", "azp": "simpleai", "typ": "Bearer", "roles": ["admin", nil],
            ],
            subject: "za6wUDo"),
    ]
}
