/// Everything that a token request needs: the provider, the client, the grant and the parameters.
public struct TokenSpecification: Hashable, Sendable {
    public enum Grant: Hashable, Sendable {
        /// RFC 6749 §4.4.
        case clientCredentials
        /// RFC 6749 §4.3.
        case password(username: String, password: String)
        /// RFC 8628.
        case deviceCode
    }

    public enum RequestedToken: String, Hashable, Sendable {
        case accessToken = "access_token"
        case idToken = "id_token"
    }

    /// Exactly as the provider's discovery document states it.
    public var issuer: String
    public var client: OAuthClient
    public var grant: Grant
    public var wanted: RequestedToken = .accessToken
    public var scopes: [String] = []
    /// Empty: the parameter is not sent.
    public var audience = ""
    /// RFC 8707.
    public var resources: [String] = []
    /// Whether secrets may be sent without TLS to other hosts than loopback.
    public var allowsInsecure = false
    /// A PEM file with the certificate authorities for the provider's server; empty: those of `SSL_CERT_FILE`, or of the
    /// system.
    public var authoritiesFile = ""
    /// Timeout for each response of the provider.
    public var timeout: Duration = .seconds(10)
    /// Names that distinguish specifications, such as a user and roles: specifications with different names never share a
    /// stored token.
    public var names: [String] = []

    public init(issuer: String, client: OAuthClient, grant: Grant) {
        self.issuer = issuer
        self.client = client
        self.grant = grant
    }

    /// Strings that no message may contain.
    var secrets: [String] {
        var secrets = [client.secret]
        if case .password(_, let password) = grant { secrets.append(password) }
        return secrets.filter { !$0.isEmpty }
    }
}

/// An OAuth client, as registered with the provider.
public struct OAuthClient: Hashable, Sendable {
    /// RFC 6749 §2.3.1.
    public enum Authentication: String, Hashable, Sendable {
        case basic = "client_secret_basic"
        case post = "client_secret_post"
        case none
    }

    public var id: String
    /// Empty: a public client.
    public var secret: String
    /// Nil: a method that the provider's discovery document allows.
    public var authentication: Authentication?

    public init(id: String, secret: String = "", authentication: Authentication? = nil) {
        self.id = id
        self.secret = secret
        self.authentication = authentication
    }

    /// The authentication method to use.
    /// - Parameter stated: the methods in the discovery document; nil if it lists none, which stands for `basic` (OpenID Connect
    ///   Discovery 1.0 §3).
    func authentication(among stated: [String]?) -> Authentication {
        if let authentication { return authentication }
        if secret.isEmpty { return .none }
        guard let stated, !stated.contains(Authentication.basic.rawValue) else { return .basic }
        return stated.contains(Authentication.post.rawValue) ? .post : .basic
    }
}
