public import SimpleAICore

/// What `simpleai.yaml` says, checked and with every default filled in: one property per key, in the file's order.
public struct Settings: Hashable, Sendable {
    public var server = Server()
    public var auth = Auth()
    /// In the file's order.
    public var classes: [ModelClass] = []
    public var defaultClass: ClassName = "fast"
    public var routing = Routing()
    public var runners: [StaticRunner] = []
    public var fleet = Fleet()
    public var wake = Wake()
    public var sleep = Sleep()
    public var keepalive = Keepalive()
    public var expose = Expose()
    public var models = Models()
    public var errors = Errors()
    public var metrics = Metrics()
    /// What roles may ask for, in the file's order; empty: every class for every caller.
    public var policies: [AccessGrant] = []
    public var limits = Limits()
    public var keys = Keys()
    public var log = Log()

    public init() {}

    public struct Server: Hashable, Sendable {
        public var host = "127.0.0.1"
        /// 0 means any free port.
        public var port = 8080
        /// 0 means one per core.
        public var eventLoops = 0
        /// Nil: plain HTTP.
        public var tls: ServerTLS?
        public var drain: Duration = .seconds(30)
        public var drainNotice: Duration = .zero
        public var maxBody: ByteCount = .mebibytes(32)
        public var maxBuffered: ByteCount = .mebibytes(512)
        /// The longest document that an engine may answer with.
        public var maxResponse: ByteCount = .mebibytes(256)
        public var maxConnections = 10_000
        public var idleTimeout: Duration = .seconds(75)
        /// Peers that are believed when they say for whom they ask; empty: nobody is.
        public var trustedProxies: [IPNetwork] = []
        /// Web pages that may call from a browser, as browsers name them in `Origin`; empty: none.
        public var corsOrigins: [String] = []
        public var maxHeaders: ByteCount = .kibibytes(64)
    }

    /// What clients are shown, as it was when the settings were read.
    public struct ServerTLS: Hashable, Sendable {
        /// In PEM: the server's certificate, then those of the authorities between it and a root.
        public var certificate: String
        /// In PEM.
        public var key: String

        public init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    public struct Auth: Hashable, Sendable {
        public enum Mode: String, Hashable, Sendable { case oidc, none }
        public var mode: Mode = .oidc
        public var leeway: Duration = .seconds(30)
        /// Tokens that are not good which an address may send before it gets 429; 0 for any number.
        public var failedAttemptsPerMinute = 600
        public var issuers: [Issuer] = []
    }

    public struct Issuer: Hashable, Sendable {
        public enum Audience: Hashable, Sendable {
            case any
            case oneOf([String])
        }
        public enum Keys: Hashable, Sendable {
            case discovery
            case url(String)
            case file(path: String)
        }
        /// May have `{tenantid}` in its path, as Entra ID names itself for all tenants together.
        public var issuer: String
        /// The tenants whose tokens are accepted, by the id in `tid`; one at least where `issuer` has `{tenantid}`.
        public var tenants: [String] = []
        public var audience: Audience
        /// Names of JOSE algorithms, for keys that declare none.
        public var algorithms: [String] = ["RS256", "ES256", "ES384", "ES512", "EdDSA"]
        /// Empty: any.
        public var tokenType = ""
        /// All of them are required.
        public var scopes: [String] = []
        /// Applications whose tokens are accepted (the first of `azp`, `client_id`, `appid`, `cid`); empty: any.
        public var authorizedParties: [String] = []
        public var refreshEvery: Duration = .seconds(600)
        public var refreshCooldown: Duration = .seconds(30)
        public var keys: Keys = .discovery
        /// A file with a bearer token to fetch keys with, read again for every fetch; empty: none is sent.
        public var jwksTokenFile = ""
        /// The authorities that the issuer's certificates are checked against, in PEM; empty: those of `SSL_CERT_FILE`,
        /// or of the system.
        public var caFile = ""
        /// The first that is there names the caller.
        public var subjectClaims: [ClaimPath] = [.dotted("sub")]
        /// Each path is a list of keys from the token's top level down; a dotted string in the file is kept whole in
        /// `ClaimPath.dotted`, because an exact top-level key of that name wins.
        public var roleClaims: [ClaimPath] = [.dotted("roles"), .dotted("realm_access.roles")]
        public var adminRole: Role = "admin"
        public var specificRole: Role = "model:specific"

        public init(issuer: String, audience: Audience) {
            self.issuer = issuer
            self.audience = audience
        }

        static let tenantPlaceholder = "{tenantid}"

        /// What tokens name as `iss`.
        public var names: [String] {
            guard issuer.contains(Self.tenantPlaceholder) else { return [issuer] }
            return tenants.map { issuer.replacing(Self.tenantPlaceholder, with: $0) }
        }
    }

    public indirect enum ClaimPath: Hashable, Sendable {
        case dotted(String)
        case keys([String])
        /// The names of the members of the object at that path.
        case memberNames(ClaimPath)
    }

    public struct ModelClass: Hashable, Sendable {
        public var name: ClassName
        /// In order of preference as written; members are equal until `prefer` says otherwise.
        public var models: [ModelID]
        public init(name: ClassName, models: [ModelID]) {
            self.name = name
            self.models = models
        }
    }

    /// How a class chooses among the runners that could serve it.
    public enum Policy: String, Hashable, Sendable {
        case leastBusy = "least_busy"
        case roundRobin = "round_robin"
        case prefixAffinity = "prefix_affinity"
    }

    public struct Routing: Hashable, Sendable {
        public enum AfterSend: String, Hashable, Sendable {
            case staleOnly = "stale_only"
            case never, always
        }
        public var policy: Policy = .leastBusy
        /// Of the classes that have another one.
        public var policies: [ClassName: Policy] = [:]
        /// Failed calls in a row after which a runner is given a rest; 0 never.
        public var ejectionFailures = 5
        public var ejectionTime: Duration = .seconds(10)
        /// How large a share of the ready runners may rest at the same time.
        public var ejectionMaxShare = 0.5
        public var queueLength = 256
        public var queueTimeout: Duration = .seconds(30)
        public var failoverAttempts = 2
        public var afterSend: AfterSend = .staleOnly
        public var timeouts = Timeouts()
        /// Machine types per class, best first; empty where a class has no preference.
        public var prefer: [ClassName: [String]] = [:]
        /// Ids or machine types of machines that are woken together, per class.
        public var speculativeWake: [ClassName: [String]] = [:]
    }

    public struct Timeouts: Hashable, Sendable {
        public var connect: Duration = .seconds(3)
        public var firstByte: Duration = .seconds(300)
        public var gap: Duration = .seconds(120)
        /// Zero: none.
        public var total: Duration = .zero
    }

    public struct StaticRunner: Hashable, Sendable {
        public var id: RunnerID
        /// `http` or `https`, host, optional port and path prefix; no user, query or fragment. A trailing `/v1` and
        /// a trailing slash are removed.
        public var url: String
        /// Empty: discovered from the engine's own list.
        public var models: [ModelID] = []
        /// Public id to the engine's own id.
        public var aliases: [ModelID: String] = [:]
        public var slots = 1
        public var weight = 1
        public var machineType = ""
        public var streamUsage = true
        /// The endpoints that the engine serves, and no others; empty: learned from its responses.
        public var endpoints: [Endpoint] = []
        public var tls = TLS()
        /// Empty: no `Authorization` is sent to the engine.
        public var apiKey = ""
        /// Sent with every request to the engine, calls and probes.
        public var headers: [HeaderField] = []
        public var probe = Probe()
        /// Nil: a machine that is always on, or that we cannot wake.
        public var wake: WakeTarget?

        public init(id: RunnerID, url: String) {
            self.id = id
            self.url = url
        }
    }

    public struct TLS: Hashable, Sendable {
        public var verify = true
        public var caFile = ""
    }

    /// A header field whose value is a secret.
    public struct HeaderField: Hashable, Sendable, CustomStringConvertible {
        public var name: String
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }

        /// Without the value.
        public var description: String { name }
    }

    public struct Probe: Hashable, Sendable {
        /// Where engines list their models.
        public static let usualPath = "/v1/models"

        public var path = usualPath
        public var every: Duration = .seconds(5)
        public var timeout: Duration = .seconds(2)
    }

    public struct WakeTarget: Hashable, Sendable {
        /// Of each of its network cards; empty where a command or a web hook is the only way.
        public var macs: [MACAddress]
        public var broadcast: String
        public var port: Int
        /// Six bytes, or empty.
        public var secureOn: [UInt8] = []
        /// A program and its arguments; empty for none.
        public var command: [String] = []
        public var http: WebHook?
        /// A helper that sends the packet on the machine's own network.
        public var relay: HostAndPort?

        public init(macs: [MACAddress], broadcast: String = "255.255.255.255", port: Int = 9) {
            self.macs = macs
            self.broadcast = broadcast
            self.port = port
        }
    }

    /// A request that the operator wants to be made.
    public struct WebHook: Hashable, Sendable {
        public var method: String
        public var url: String
        public var host: String

        public init(method: String, url: String, host: String) {
            self.method = method
            self.url = url
            self.host = host
        }
    }

    public struct HostAndPort: Hashable, Sendable {
        /// Without brackets.
        public var host: String
        public var port: Int

        public init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    public struct Fleet: Hashable, Sendable {
        /// What agents must know to join; empty, those without a token of their own may not.
        public var token = ""
        /// Agents that join with a token of their own, and with no other.
        public var tokens: [RunnerID: String] = [:]
        /// Hosts that an agent's URL may name besides the address it comes from.
        public var allowedHosts: [String] = []
        /// Silence after which an agent counts as gone.
        public var runnerTimeout: Duration = .seconds(90)
        /// How long an agent may be gone before its machine counts as asleep.
        public var grace: Duration = .seconds(5)
        public var stateFile = "./simpleai-state.json"

        /// Whether any agent may join.
        public var letsAgentsJoin: Bool { !token.isEmpty || !tokens.isEmpty }
    }

    public struct Wake: Hashable, Sendable {
        public var enabled = true
        public var broadcast = "255.255.255.255"
        public var port = 9
        public var timeout: Duration = .seconds(90)
        /// Offsets from the start of the wake; after the last, every 15 s.
        public var schedule: [Duration] = [0, 1, 3, 7, 15].map { .seconds($0) }
        public var probeEvery: Duration = .milliseconds(500)
        /// Empty: every authenticated caller may cause a wake.
        public var roles: Set<Role> = []
    }

    public struct Sleep: Hashable, Sendable {
        /// Without a call; zero: machines are never put to sleep.
        public var after: Duration = .zero
    }

    public struct Keepalive: Hashable, Sendable {
        public var after: Duration = .seconds(5)
        public var every: Duration = .seconds(10)
    }

    public struct Expose: Hashable, Sendable {
        public enum Audience: String, Hashable, Sendable { case all, admin, none }
        public var runner: Audience = .all
    }

    public struct Models: Hashable, Sendable {
        public var showMembers = true
    }

    public struct Errors: Hashable, Sendable {
        /// 403, or 400 for clients of older deployments.
        public var permissionDeniedStatus = 403
    }

    public struct Metrics: Hashable, Sendable {
        /// Empty: loopback peers only.
        public var token = ""
    }

    public struct Limits: Hashable, Sendable {
        /// For each caller, unless a policy says something else.
        public var caller = CallLimits.none
        /// For each address, all of its callers together.
        public var address = CallLimits.none
    }

    public struct Keys: Hashable, Sendable {
        /// Where API keys are stored; empty: there are none. The file is made with the first key.
        public var database = "./simpleai.db"
    }

    public struct Log: Hashable, Sendable {
        public enum Level: String, Hashable, Sendable, CaseIterable {
            case trace, debug, info, notice, warning, error, critical
        }
        public enum Format: String, Hashable, Sendable { case text, json }
        public var level: Level = .info
        public var format: Format = .text
    }
}
