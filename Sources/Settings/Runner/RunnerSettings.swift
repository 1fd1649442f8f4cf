public import SimpleAICore

/// What `runner.yaml` says: which gateway a machine joins, as whom, and with which engines. One property per key, in the
/// file's order.
public struct RunnerSettings: Hashable, Sendable {
    /// A `ws` or `wss` URL with its path.
    public var gateway = ""
    /// The shared secret of the fleet, or this machine's own.
    public var token = ""
    public var id: RunnerID = ""
    /// For people; empty: the id.
    public var name = ""
    public var machineType = ""
    public var listen = Listen()
    /// An `http` or `https` base URL for the gateway's calls; empty: the address that our connection comes from, and the
    /// port that we listen on.
    public var baseURL = ""
    public var mac: MAC = .automatic
    public var heartbeat: Duration = .seconds(15)
    /// How long open calls may take to end after SIGTERM.
    public var drain: Duration = .seconds(30)
    public var engines: [Engine] = []
    /// Public id to the engine's own id.
    public var aliases: [ModelID: String] = [:]
    public var power = Power()
    public var tls = Settings.TLS()
    public var log = Settings.Log()

    public init() {}

    /// Where the gateway's calls come in.
    public struct Listen: Hashable, Sendable {
        public var host = "0.0.0.0"
        /// 0 means any free port.
        public var port = 8081
        public init() {}
    }

    /// The address under which the machine can be woken.
    public enum MAC: Hashable, Sendable {
        /// That of the interface by which the gateway is reached.
        case automatic
        case none
        case address(MACAddress)
    }

    public struct Engine: Hashable, Sendable {
        public enum Kind: String, Hashable, Sendable, CaseIterable {
            /// Anything with `/v1/models` and `/v1/chat/completions`.
            case openAI = "openai"
            case ollama
            /// llama.cpp's server.
            case llamaServer = "llama-server"
        }
        public var kind: Kind
        /// As `Settings.StaticRunner.url`.
        public var url: String
        /// An executable and its arguments, started and watched by the agent; empty: somebody else runs it.
        public var command: [String] = []
        /// Nil: what the engine says, else 1.
        public var slots: Int?
        /// Empty: no `Authorization` is sent to the engine.
        public var apiKey = ""

        public init(kind: Kind, url: String) {
            self.kind = kind
            self.url = url
        }
    }

    public struct Power: Hashable, Sendable {
        /// An executable and its arguments; empty: the gateway cannot put this machine to sleep.
        public var sleepCommand: [String] = []
        /// What the machine draws while it is awake; 0: unknown.
        public var watts = 0
        public init() {}
    }
}

/// Runner settings that may be used, and what to tell the operator about them.
public struct LoadedRunnerSettings: Sendable {
    public let settings: RunnerSettings
    public let warnings: [SettingsProblem]
    /// The file that was read, as given or found.
    public let path: String
}
