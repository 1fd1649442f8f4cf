public import SimpleAICore

/// The content of `runner.yaml`: the gateway that a machine joins, its identity, and its engines. One property per key,
/// in the file's order.
public struct RunnerSettings: Hashable, Sendable {
    /// A `ws` or `wss` URL with its path.
    public var gateway = ""
    /// The shared secret of the fleet, or one for this machine.
    public var token = ""
    public var id: RunnerID = ""
    /// A display name; empty: the id.
    public var name = ""
    public var machineType = ""
    public var listen = Listen()
    /// The base URL (`http` or `https`) of the gateway's calls; empty: the address from which the agent connects, and
    /// the port on which it listens.
    public var baseURL = ""
    public var mac: MAC = .automatic
    public var heartbeat: Duration = .seconds(15)
    /// Maximum time for calls in progress to finish after SIGTERM.
    public var drain: Duration = .seconds(30)
    public var engines: [Engine] = []
    /// The engine's own id of each public id.
    public var aliases: [ModelID: String] = [:]
    /// The file for the machine's own token, which an invitation in `token` is exchanged for.
    public var stateFile = "./simpleai-runner-state.json"
    public var power = Power()
    public var tls = Settings.TLS()
    public var log = Settings.Log()

    public init() {}

    /// The address that receives the gateway's calls.
    public struct Listen: Hashable, Sendable {
        public var host = "0.0.0.0"
        /// 0 selects a free port.
        public var port = 8081
        public init() {}
    }

    /// The hardware address with which the machine can be woken.
    public enum MAC: Hashable, Sendable {
        /// The address of the interface that connects to the gateway.
        case automatic
        case none
        case address(MACAddress)
    }

    public struct Engine: Hashable, Sendable {
        public enum Kind: String, Hashable, Sendable, CaseIterable {
            /// Any engine with `/v1/models` and `/v1/chat/completions`.
            case openAI = "openai"
            case ollama
            /// llama.cpp's server.
            case llamaServer = "llama-server"
        }
        public var kind: Kind
        /// A base URL, in the form of `Settings.StaticRunner.url`.
        public var url: String
        /// An executable and its arguments, started and supervised by the agent; empty if the agent does not manage the
        /// engine.
        public var command: [String] = []
        /// Nil: the number that the engine reports, otherwise 1.
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
        /// Power draw of the awake machine, in watts; 0: unknown.
        public var watts = 0
        public init() {}
    }
}

extension RunnerSettings {
    /// The base URL of the gateway's HTTP API: the URL of `gateway` with another scheme and without its path.
    public var gatewayBaseURL: String? {
        guard let address = try? WebAddress(gateway, schemes: ["ws", "wss"], allowingQuery: false) else { return nil }
        return "\(address.scheme == "wss" ? "https" : "http")://\(address.authority)"
    }

    /// Whether the token is sent unencrypted to another machine.
    public var sendsTokenInTheClear: Bool {
        guard let address = try? WebAddress(gateway, schemes: ["ws", "wss"], allowingQuery: false) else { return false }
        return address.scheme == "ws" && !HostName.isLoopback(address.host)
    }
}

/// Valid runner settings, with warnings for the operator.
public struct LoadedRunnerSettings: Sendable {
    public let settings: RunnerSettings
    public let warnings: [SettingsProblem]
    /// The file that was read, as given or found.
    public let path: String
}
