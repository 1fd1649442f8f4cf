public import SimpleAICore

/// One issuer whose tokens are accepted: the conditions for its tokens, and the source of its keys. Several entries may
/// name the same issuer with different audiences; a token is accepted if one of them accepts it.
public struct IssuerConfiguration: Hashable, Sendable {
    public enum Audience: Hashable, Sendable {
        /// The token's `aud` is not verified: any token of the issuer is accepted, whatever application it was issued
        /// for.
        case any
        /// The token's `aud` must contain one of these, byte for byte.
        case oneOf([String])
    }

    public enum Keys: Hashable, Sendable {
        /// OpenID Connect Discovery 1.0 §4: `ISSUER/.well-known/openid-configuration` names the key set.
        case discovery
        /// A JWK set (RFC 7517 §5) over HTTP.
        case url(String)
        /// A JWK set in a local file, reread when the file changes.
        case file(path: String)
    }

    public indirect enum ClaimPath: Hashable, Sendable {
        /// Keys separated by dots; a top-level key equal to the whole string takes precedence.
        case dotted(String)
        /// Keys from the top level down, taken literally.
        case keys([String])
        /// The member names of the object at a path, as Zitadel states roles.
        case memberNames(ClaimPath)
    }

    /// Compared with the token's `iss` byte for byte. May be an Entra ID template, in which `{tenantid}` stands for the
    /// token's `tid`.
    public var issuer: IssuerID
    /// For a template: the accepted values of `tid`, compared byte for byte; empty: no token is accepted.
    public var tenants: [String] = []
    public var audience: Audience
    public var keys: Keys = .discovery
    /// A PEM file with the certificate authorities for the issuer's servers; empty: those of `SSL_CERT_FILE` or of the
    /// system.
    public var authoritiesFile = ""
    /// A file with the bearer token for key requests, sent only to the host of `issuer` (with `Keys.url`: of that URL), and
    /// only over TLS or loopback; empty: no token is sent.
    public var keyTokenFile = ""
    /// Algorithms for keys that declare none: an RSA key is bound to the first RSA algorithm in this list, an elliptic curve
    /// key to the algorithm of its curve, if listed. A key without such an algorithm is ignored.
    public var algorithms: [SignatureAlgorithm] = [.rs256, .es256, .es384, .es512, .edDSA]
    /// The required `typ` of the header, for example `at+jwt`; empty: any.
    public var tokenType = ""
    /// Scopes that a token must contain, all of them.
    public var scopes: [String] = []
    /// The applications whose tokens are accepted, by the first of `azp` (OpenID Connect Core 1.0 §2), `client_id` (RFC
    /// 9068 §2.2), `appid` (Entra ID, version 1) and `cid` (Okta) in a token; empty: any.
    public var authorizedParties: [String] = []
    /// The age at which keys are fetched again.
    public var refreshInterval: Duration = .seconds(600)
    /// Limits the fetches caused by tokens with unknown keys: see `RefreshSchedule` and `FailedKeySearches`.
    public var refreshCooldown: Duration = .seconds(30)
    /// Claims that may contain the subject; the first one present counts.
    public var subjectClaims: [ClaimPath] = [.dotted("sub")]
    /// Claims that may contain roles; the result is the union of all.
    public var roleClaims: [ClaimPath] = [.dotted("roles"), .dotted("realm_access.roles")]
    public var adminRole: Role = "admin"
    public var specificRole: Role = "model:specific"

    public init(issuer: IssuerID, audience: Audience) {
        self.issuer = issuer
        self.audience = audience
    }
}
