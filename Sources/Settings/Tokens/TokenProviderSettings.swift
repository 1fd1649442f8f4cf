/// What `simpleai-tokens.yaml` says: where `simpleai token` gets tokens from, and as whom.
public struct TokenProviderSettings: Hashable, Sendable {
    /// How a token is asked for (RFC 6749 §4.3 and §4.4, RFC 8628).
    public enum Grant: String, Hashable, Sendable, CaseIterable {
        case clientCredentials = "client_credentials"
        case password
        case deviceCode = "device_code"
    }

    /// Which of the tokens in the provider's answer is printed.
    public enum Token: String, Hashable, Sendable, CaseIterable {
        case accessToken = "access_token"
        case idToken = "id_token"
    }

    /// How a client proves who it is (RFC 6749 §2.3.1).
    public enum ClientAuthentication: String, Hashable, Sendable, CaseIterable {
        case basic = "client_secret_basic"
        case post = "client_secret_post"
        case none
    }

    public struct Client: Hashable, Sendable {
        public var id: String
        /// Empty: a public client.
        public var secret = ""
        /// Nil: what the provider's discovery document allows.
        public var authentication: ClientAuthentication?

        public init(id: String) {
            self.id = id
        }
    }

    public struct Credentials: Hashable, Sendable {
        public var username: String
        public var password: String

        public init(username: String, password: String) {
            self.username = username
            self.password = password
        }
    }

    /// What the file says at its top, for a user or for a role. Nil: not said there.
    public struct Identity: Hashable, Sendable {
        public var client: Client?
        public var grant: Grant?
        public var credentials: Credentials?
        public var scopes: [String]?
        /// The parameter `audience` of some providers.
        public var audience: String?
        /// The parameter `resource` (RFC 8707).
        public var resources: [String]?

        public init() {}
    }

    public struct RoleIdentity: Hashable, Sendable {
        public var identity = Identity()
        /// The user of `users` who has this role.
        public var user: String?

        public init() {}
    }

    /// Exactly as the provider's discovery document states it.
    public var issuer = ""
    /// Plain http beyond loopback.
    public var allowsInsecure = false
    public var token: Token = .accessToken
    /// The authorities that the provider's certificate is checked against, in PEM; empty: those of `SSL_CERT_FILE`, or of
    /// the system.
    public var caFile = ""
    /// For each answer of the provider.
    public var timeout: Duration = .seconds(10)
    /// What holds where users and roles say nothing else.
    public var standard = Identity()
    public var users: [String: Identity] = [:]
    public var roles: [String: RoleIdentity] = [:]

    public init() {}
}
