public import Settings
import SimpleAICore

/// What was observed of a machine and of the programs on it. A fact that could not be observed is nil, and causes no
/// finding.
public struct SystemDescription: Sendable {
    /// The version of this program.
    public var version: String
    public var host = Host()
    /// Nil: this machine has no gateway.
    public var gateway: Gateway?
    /// Nil: this machine has no runner agent.
    public var runner: Runner?

    public init(version: String) { self.version = version }

    public struct Host: Sendable {
        /// Seconds since 1970.
        public var time: Int64?
        public var hasIPv6: Bool?
        /// Whether a resolver is configured.
        public var hasResolver: Bool?
        public var maxOpenFiles: Int?
        /// The name of the user who runs this program.
        public var user: String?

        public init() {}
    }

    /// A settings file, as far as it could be read.
    public enum Document<Content: Sendable>: Sendable {
        /// The paths that were searched.
        case missing([String])
        /// A package's file, which setup has not replaced yet.
        case template(String)
        /// Another user's file, which this user cannot read.
        case closed(String)
        case invalid([SettingsProblem])
        case valid(Content, path: String, warnings: [SettingsProblem])

        public var content: Content? { if case .valid(let content, _, _) = self { content } else { nil } }
        public var path: String? { if case .valid(_, let path, _) = self { path } else { nil } }
    }

    public struct Gateway: Sendable {
        public var document: Document<Settings>
        /// Why the settings cannot be used on this machine, although they are valid.
        public var startProblem: String?
        public var files: [File] = []
        public var listener: Listener?
        public var issuers: [Issuer] = []
        /// Tokens of the private keys that lie beside the issuers' key sets.
        public var ownTokens: [OwnToken] = []
        public var engines: [EngineState] = []
        public var service: Service?
        /// The gateway that runs on this machine; nil if none responds.
        public var running: Running?
        /// Magic packets that were sent for no machine, one per destination.
        public var wakePackets: [WakePacket] = []
        /// Problems of stored data: the key database, the runners' tokens.
        public var damagedData: [DamagedData] = []
        /// Runners that are invited or have their own token.
        public var hasInvitedRunners = false

        public init(document: Document<Settings>) { self.document = document }
    }

    public struct Runner: Sendable {
        public var document: Document<RunnerSettings>
        public var files: [File] = []
        public var listener: Listener?
        public var engines: [EngineState] = []
        public var service: Service?
        /// What responds at the gateway's address.
        public var gateway: HTTPOutcome?
        /// Whether the response is that of a gateway; nil if there was none.
        public var isGateway: Bool?
        /// Why the gateway refuses this agent's token or id, in the gateway's words; nil if it does not, or if it is unknown.
        public var refusal: String?
        /// What responds at `base_url`, while the agent runs.
        public var ownAddress: HTTPOutcome?
        /// The gateway's version, if it states one.
        public var gatewayVersion: String?
        /// The difference between the gateway's clock and this one, in seconds.
        public var clockDifference: Int64?
        /// Whether the state file contains a token that a gateway has registered; nil if `token` is no invitation.
        public var hasRegistered: Bool?
        public var wakeOnLAN: WakeOnLANState?
        public var hasHardwareAddress: Bool?
        /// Executables of the settings that do not exist, with their keys.
        public var missingPrograms: [MissingProgram] = []

        public init(document: Document<RunnerSettings>) { self.document = document }
    }

    public struct MissingProgram: Sendable, Hashable {
        public let key: String
        public let program: String

        public init(key: String, program: String) {
            self.key = key
            self.program = program
        }
    }

    public struct DamagedData: Sendable, Hashable {
        public let path: String
        public let reason: String

        public init(path: String, reason: String) {
            self.path = path
            self.reason = reason
        }
    }

    /// The setting of a network card that wakes the machine.
    public enum WakeOnLANState: Sendable, Hashable {
        case enabled
        case disabled(interface: String)
        case unsupported(interface: String)
    }
}
