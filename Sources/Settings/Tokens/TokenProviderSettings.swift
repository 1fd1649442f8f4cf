/// The content of `simpleai-tokens.yaml`: the provider from which `simpleai token` requests tokens, and the identities.
public struct TokenProviderSettings: Hashable, Sendable {
    /// How a token is requested (RFC 6749 §4.3 and §4.4, RFC 8628).
    public enum Grant: String, Hashable, Sendable, CaseIterable {
        case clientCredentials = "client_credentials"
        case password
        case deviceCode = "device_code"
    }

    /// Which of the tokens in the provider's response is printed.
    public enum Token: String, Hashable, Sendable, CaseIterable {
        case accessToken = "access_token"
        case idToken = "id_token"
    }

    /// How a client authenticates (RFC 6749 §2.3.1).
    public enum ClientAuthentication: String, Hashable, Sendable, CaseIterable {
        case basic = "client_secret_basic"
        case post = "client_secret_post"
        case none
    }

    public struct Client: Hashable, Sendable {
        public var id: String
        /// Empty: a public client.
        public var secret = ""
        /// Nil: a method that the provider's discovery document allows.
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

    /// Parameters of a token request, at the root of the file, for a user or for a role. Nil: not stated there.
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
        /// The user in `users` that has this role.
        public var user: String?

        public init() {}
    }

    /// Exactly as the provider's discovery document states it.
    public var issuer = ""
    /// Whether plain HTTP is allowed to hosts other than loopback.
    public var allowsInsecure = false
    public var token: Token = .accessToken
    /// A PEM file with the authorities that verify the provider's certificate; empty: the file in `SSL_CERT_FILE`, or
    /// the system's authorities.
    public var caFile = ""
    /// Maximum time for each response of the provider.
    public var timeout: Duration = .seconds(10)
    /// The parameters that apply unless a user or a role states others.
    public var standard = Identity()
    public var users: [String: Identity] = [:]
    public var roles: [String: RoleIdentity] = [:]

    public init() {}
}
