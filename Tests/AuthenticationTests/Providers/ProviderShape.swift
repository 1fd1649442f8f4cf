import Foundation
import SimpleAICore
import Testing

@testable import Authentication

/// A token and a key set as a provider writes them, with the settings that the guide gives for it, and the expected
/// result.
struct ProviderShape: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let issuer: String
    var audience: IssuerConfiguration.Audience = .oneOf(["simpleai"])
    /// The algorithm of the signing key.
    var algorithm = SignatureAlgorithm.rs256
    /// The members of the signing key except its numbers, `kid` and `kty`.
    var keyMembers: JSONValue = ["use": "sig", "alg": "RS256"]
    var hasCertificate = false
    /// Keys of the set except the one that signs.
    var otherKeys: [JSONValue] = []
    /// Header members except `alg` and `kid`; many providers leave out `typ`.
    var header: JSONValue = [:]
    /// Claims except `iss`, `iat` and `exp`.
    var claims: JSONValue
    var settings: @Sendable (inout IssuerConfiguration) -> Void = { _ in }
    var subject: String
    /// The caller's issuer, if the settings state a template.
    var tokenIssuer: String?
    var isAdmin = true
    /// Changes of the claims after which the same token must be refused, each with the fault.
    var refused: [(JSONValue, TokenFault)] = []

    var configuration: IssuerConfiguration {
        var configuration = IssuerConfiguration(issuer: IssuerID(issuer), audience: audience)
        settings(&configuration)
        return configuration
    }

    func keySet(of key: TestKey) throws -> [UInt8] {
        var jwk = try key.jwk(kid: "k", declares: false)
        for (name, value) in keyMembers.object ?? [:] { jwk = jwk.with(name.rawValue, value) }
        if hasCertificate {
            jwk = jwk.with("x5c", [.string(Data(key.certificate).base64EncodedString())]).with("x5t", "dGh1bWI")
        }
        return Array(JSONValue.object(["keys": .array(otherKeys + [jwk])]).text.utf8)
    }

    func token(by key: TestKey, _ changes: JSONValue = [:]) -> String {
        var sketch = TokenSketch(issuer: issuer, kid: "k", algorithm: algorithm)
        sketch.header = ["alg": sketch.header.object?["alg"] ?? .null, "kid": "k"]
        for (name, value) in header.object ?? [:] { sketch.header = sketch.header.with(name.rawValue, value) }
        sketch.claims = [
            "iss": .string(issuer), "iat": .number(TestTime.now - 10), "exp": .number(TestTime.now + 300),
        ]
        for members in [claims, changes] {
            for (name, value) in members.object ?? [:] { sketch.claims = sketch.claims.with(name.rawValue, value) }
        }
        return sketch.signed(by: key)
    }
}
