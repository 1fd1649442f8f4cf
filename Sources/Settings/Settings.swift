public import SimpleAICore

/// The content of `simpleai.yaml`, validated and with all defaults filled in: one property per key, in the file's
/// order. The initial value of a property is the default of its key; `Sections` declares everything else about it.
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
    /// The classes and models that roles may request, in the file's order; empty: every class for every caller.
    public var policies: [AccessGrant] = []
    public var limits = Limits()
    public var keys = Keys()
    public var log = Log()

    public init() {}

    public struct Server: Hashable, Sendable {
        public var host = "127.0.0.1"
        /// 0 selects a free port.
        public var port = 8080
        /// 0 means one per core.
        public var eventLoops = 0
        /// Nil: plain HTTP.
        public var tls: ServerTLS?
        public var drain: Duration = .seconds(30)
        public var drainNotice: Duration = .zero
        public var maxBody: ByteCount = .mebibytes(32)
        public var maxBuffered: ByteCount = .mebibytes(512)
        /// Maximum size of the request bodies on disk, of all callers and of each.
        public var maxSpooled: ByteCount = .mebibytes(2_048)
        public var maxSpooledPerCaller: ByteCount = .mebibytes(512)
        /// Maximum size of a response document from an engine.
        public var maxResponse: ByteCount = .mebibytes(256)
        public var maxConnections = 10_000
        public var idleTimeout: Duration = .seconds(75)
        /// Peers whose forwarded addresses are trusted; empty: none.
        public var trustedProxies: [IPNetwork] = []
        /// Origins of web pages that may call from a browser (values of `Origin`); empty: none.
        public var corsOrigins: [String] = []
        public var maxHeaders: ByteCount = .kibibytes(64)
    }

    /// The server's certificate and key, as read with the settings.
    public struct ServerTLS: Hashable, Sendable {
        /// In PEM: the server's certificate, followed by the intermediate certificates up to a root.
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
        /// Maximum number of invalid tokens per address and minute, above which the address receives 429; 0: unlimited.
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
        /// May contain `{tenantid}` in its path, as Entra ID's issuer for all tenants does.
        public var issuer: String
        /// The ids (`tid`) of tenants whose tokens are accepted; at least one if `issuer` contains `{tenantid}`.
        public var tenants: [String] = []
        public var audience: Audience
        /// Names of JOSE algorithms, for keys that declare none.
        public var algorithms: [String] = ["RS256", "ES256", "ES384", "ES512", "EdDSA"]
        /// Empty: any.
        public var tokenType = ""
        /// Scopes that a token must have.
        public var scopes: [String] = []
        /// Applications whose tokens are accepted (the first of `azp`, `client_id`, `appid`, `cid`); empty: any.
        public var authorizedParties: [String] = []
        public var refreshInterval: Duration = .seconds(600)
        public var refreshCooldown: Duration = .seconds(30)
        public var keys: Keys = .discovery
        /// A file with the bearer token for fetching keys, read again for every fetch; empty: no token is sent.
        public var jwksTokenFile = ""
        /// A PEM file with the authorities that verify the issuer's certificate; empty: the file in `SSL_CERT_FILE`, or
        /// the system's authorities.
        public var caFile = ""
        /// The first claim that the token has identifies the caller.
        public var subjectClaims: [ClaimPath] = [.dotted("sub")]
        /// The claims that contain the caller's roles.
        public var roleClaims: [ClaimPath] = [.dotted("roles"), .dotted("realm_access.roles")]
        public var adminRole: Role = "admin"
        public var specificRole: Role = "model:specific"

        public init(issuer: String, audience: Audience) {
            self.issuer = issuer
            self.audience = audience
        }

        static let tenantPlaceholder = "{tenantid}"

        /// The values of `iss` that are accepted.
        public var names: [String] {
            guard issuer.contains(Self.tenantPlaceholder) else { return [issuer] }
            return tenants.map { issuer.replacing(Self.tenantPlaceholder, with: $0) }
        }
    }

    /// A path of keys from a token's top level down.
    public indirect enum ClaimPath: Hashable, Sendable {
        /// Keys separated by dots; a top-level key with exactly this name takes precedence.
        case dotted(String)
        case keys([String])
        /// The member names of the object at that path.
        case memberNames(ClaimPath)
    }

    public struct ModelClass: Hashable, Sendable {
        public var name: ClassName
        /// In the file's order.
        public var models: [ModelID]
        public init(name: ClassName, models: [ModelID]) {
            self.name = name
            self.models = models
        }
    }

    public struct Routing: Hashable, Sendable {
        public enum AfterSend: String, Hashable, Sendable {
            case staleOnly = "stale_only"
            case never, always
        }
        public var policy: PlacementPolicy = .leastBusy
        /// The policies of classes that differ from `policy`.
        public var policies: [ClassName: PlacementPolicy] = [:]
        /// Number of consecutive failed calls after which a runner is ejected; 0: never.
        public var ejectionFailures = 5
        public var ejectionTime: Duration = .seconds(10)
        /// Maximum share of the ready runners that may be ejected at the same time.
        public var ejectionMaxShare = 0.5
        public var queueLength = 256
        public var queueTimeout: Duration = .seconds(30)
        public var failoverAttempts = 2
        public var afterSend: AfterSend = .staleOnly
        public var timeouts = Timeouts()
        /// Preferred machine types by class, best first.
        public var prefer: [ClassName: [String]] = [:]
        /// Ids or machine types of runners that are woken together, by class.
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
        /// `http` or `https`, host, optional port and path prefix; no user, query or fragment. A trailing `/v1` and a
        /// trailing slash are removed.
        public var url: String
        /// Empty: discovered from the engine's own list.
        public var models: [ModelID] = []
        /// The engine's own id of each public id.
        public var aliases: [ModelID: String] = [:]
        public var slots = 1
        public var weight = 1
        public var machineType = ""
        public var streamUsage = true
        /// The only endpoints that the engine serves; empty: learned from its responses.
        public var endpoints: [Endpoint] = []
        public var messages: MessagesForwarding = .auto
        public var tls = TLS()
        /// Empty: no `Authorization` is sent to the engine.
        public var apiKey = ""
        /// Header fields of every request to the engine, both calls and probes.
        public var headers: [HeaderField] = []
        public var probe = Probe()
        /// Nil: the machine is always on, or the gateway cannot wake it.
        public var wake: WakeTarget?
        /// Nil: the gateway cannot put the machine to sleep. Requires `wake`.
        public var sleep: SleepTarget?

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

        /// The name without the value.
        public var description: String { name }
    }

    public struct Probe: Hashable, Sendable {
        /// The path at which engines list their models.
        public static let usualPath = "/v1/models"

        public var path = usualPath
        public var every: Duration = .seconds(5)
        public var timeout: Duration = .seconds(2)
    }

    public struct WakeTarget: Hashable, Sendable {
        /// The addresses of its network cards; empty if only a command or a web hook wakes it.
        public var macs: [MACAddress]
        public var broadcast: String
        public var port: Int
        /// Six bytes, or empty.
        public var secureOn: [UInt8] = []
        /// A program and its arguments; empty for none.
        public var command: [String] = []
        public var http: WebHook?
        /// A relay that sends the packet on the machine's own network.
        public var relay: HostAndPort?

        public init(macs: [MACAddress], broadcast: String = "255.255.255.255", port: Int = 9) {
            self.macs = macs
            self.broadcast = broadcast
            self.port = port
        }
    }

    /// How the gateway puts a machine to sleep; at least one of both is set.
    public struct SleepTarget: Hashable, Sendable {
        /// A program and its arguments; empty for none.
        public var command: [String]
        public var http: WebHook?

        public init(command: [String] = [], http: WebHook? = nil) {
            self.command = command
            self.http = http
        }
    }

    /// A request that the operator configured.
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
        /// The shared secret with which agents register; if empty, only agents in `tokens` may register.
        public var token = ""
        /// The tokens of agents that must register with their own token.
        public var tokens: [RunnerID: String] = [:]
        /// Hosts that an agent's URL may name, in addition to its peer address.
        public var allowedHosts: [String] = []
        /// Time without a message after which an agent counts as disconnected.
        public var runnerTimeout: Duration = .seconds(90)
        /// Time from an agent's disconnection until its machine counts as asleep.
        public var gracePeriod: Duration = .seconds(5)
        public var stateFile = "./simpleai-state.json"

        /// Whether agents can register at all.
        public var acceptsAgents: Bool { !token.isEmpty || !tokens.isEmpty }
    }

    public struct Wake: Hashable, Sendable {
        public var enabled = true
        public var broadcast = "255.255.255.255"
        public var port = 9
        public var timeout: Duration = .seconds(90)
        /// Offsets from the start of the wake; after the last one, every 15 s.
        public var schedule: [Duration] = [0, 1, 3, 7, 15].map { .seconds($0) }
        public var probeInterval: Duration = .milliseconds(500)
        /// Empty: every authenticated caller may cause a wake.
        public var roles: Set<Role> = []
    }

    public struct Sleep: Hashable, Sendable {
        /// Time without a call after which a machine is put to sleep; zero: never.
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
        /// Public names of classes and models, in the file's order.
        public var aliases: [ModelAlias] = []
        /// Changes to request bodies, in the file's order.
        public var parameters: [ModelParameters] = []
    }

    public struct Errors: Hashable, Sendable {
        /// 403, or 400 for clients of older deployments.
        public var permissionDeniedStatus = 403
    }

    public struct Metrics: Hashable, Sendable {
        /// Empty: only loopback peers may read the metrics.
        public var token = ""
    }

    public struct Limits: Hashable, Sendable {
        /// For each caller, unless a policy states other limits.
        public var caller = CallLimits.none
        /// For each address, over all of its callers.
        public var address = CallLimits.none
    }

    public struct Keys: Hashable, Sendable {
        /// The database of API keys; empty: API keys are disabled. The file is created with the first key.
        public var database = "./simpleai.db"
    }

    public struct Log: Hashable, Sendable {
        public enum Level: String, Hashable, Sendable, CaseIterable {
            case trace, debug, info, notice, warning, error, critical
        }
        public enum Format: String, Hashable, Sendable { case text, json }
        /// The calls that write an access line. Internal errors are always logged.
        public enum Access: String, Hashable, Sendable { case all, errors, none }
        public var level: Level = .info
        public var format: Format = .text
        /// Of the gateway only: runner agents write no access lines.
        public var access: Access = .all
    }
}
