public import Foundation
public import SimpleAICore

/// Creates JSON Web Tokens (RFC 7519) for one issuer and audience.
public struct TokenMint: Sendable {
    public let key: SigningKey
    public let issuer: String
    public let audience: String

    public enum Failure: Error, Equatable, CustomStringConvertible {
        case emptyUser
        case emptyRole

        public var description: String {
            switch self {
            case .emptyUser: "the user of a token must not be empty"
            case .emptyRole: "roles must not be empty"
            }
        }
    }

    public init(key: SigningKey, issuer: String, audience: String) {
        self.key = key
        self.issuer = issuer
        self.audience = audience
    }

    /// Creates a signed token for `user` (`sub`) with `roles` in the claim of that name.
    ///
    /// - Parameters:
    ///   - lifetime: from `issuedAt` to the token's expiry; fractions of a second are ignored.
    ///   - issuedAt: in the past to create an expired token.
    public func token(
        user: String, roles: [Role], lifetime: Duration = .seconds(3600), issuedAt: Date = Date()
    ) throws -> String {
        guard !user.isEmpty else { throw Failure.emptyUser }
        guard roles.allSatisfy({ !$0.rawValue.isEmpty }) else { throw Failure.emptyRole }
        let header: JSONText = ["alg": .string(key.algorithm.rawValue), "typ": "JWT", "kid": .string(key.id)]
        let now = Int(issuedAt.timeIntervalSince1970.rounded(.down))
        let claims: JSONText = [
            "iss": .string(issuer),
            "sub": .string(user),
            "aud": .string(audience),
            "iat": .integer(now),
            "nbf": .integer(now),
            "exp": .integer(now + Int(lifetime.components.seconds)),
            "jti": .string(UUID().uuidString.lowercased()),
            "roles": .array(roles.map { .string($0.rawValue) }),
        ]
        let signed = Base64URL.encode(header.utf8) + "." + Base64URL.encode(claims.utf8)
        return signed + "." + Base64URL.encode(try key.signature(of: Data(signed.utf8)))
    }
}
