import SimpleAICore

extension SystemDescription {
    /// What an address did when it was contacted.
    public enum HTTPOutcome: Sendable, Hashable {
        case status(Int)
        case refused
        case timedOut
        case unknownHost
        case noRoute
        /// The reason, for example an unknown authority.
        case untrusted(String)
        /// A response that is not HTTP, or another failure.
        case failed(String)
    }

    /// The result of binding the address on which a program listens.
    public enum Listener: Sendable, Hashable {
        case free
        /// The program itself listens there.
        case own
        /// The name of the process, if it is known.
        case taken(by: String?)
        case notPermitted
        case foreignAddress
    }

    public struct Issuer: Sendable, Hashable {
        public enum Outcome: Sendable, Hashable {
            case keys(Int)
            /// Discovery states another issuer.
            case otherIssuer(String)
            /// The document has another form; the text states which.
            case malformed(String)
            case failed(HTTPOutcome)
        }

        public var issuer: String
        public var outcome: Outcome
        /// The issuer's clock minus this one, in seconds.
        public var clockDifference: Int64?

        public init(issuer: String, outcome: Outcome, clockDifference: Int64? = nil) {
            self.issuer = issuer
            self.outcome = outcome
            self.clockDifference = clockDifference
        }
    }

    /// An engine of the settings.
    public struct EngineState: Sendable, Hashable {
        public enum Outcome: Sendable, Hashable {
            case models([String])
            /// The response is no list of models.
            case noList
            case failed(HTTPOutcome)
        }

        public var id: String
        public var url: String
        public var outcome: Outcome
        /// The key of the settings that names it, such as `runners[0]`.
        public var key: String
        /// Whether the gateway can wake its machine.
        public var canBeWoken = false

        public init(id: String, url: String, outcome: Outcome, key: String) {
            self.id = id
            self.url = url
            self.outcome = outcome
            self.key = key
        }
    }

    public enum Packet: Sendable, Hashable {
        /// A listener on this machine has received it.
        case received
        /// It was sent; no listener was possible.
        case sent
        /// It was sent, and a listener did not receive it.
        case lost
        case failed(String)
    }

    /// A unit of the system's service manager.
    public struct Service: Sendable, Hashable {
        public var unit: String
        /// As `systemctl is-active` reports it.
        public var activity: String
        public var isEnabled: Bool
        /// The user of the unit; nil if it is unknown.
        public var user: String?

        public init(unit: String, activity: String, isEnabled: Bool, user: String? = nil) {
            self.unit = unit
            self.activity = activity
            self.isEnabled = isEnabled
            self.user = user
        }
    }

    /// The gateway that runs on this machine.
    public struct Running: Sendable {
        public struct Machine: Sendable, Hashable {
            public var id: String
            public var state: String
            public var reason: String?
            public var models: [String]
            public var isAgent: Bool
            public var canBeWoken: Bool
            public var isEjected: Bool
            public var lastWakeFailed: Bool
            public var sleepProblem: String?

            public init(
                id: String, state: String, reason: String? = nil, models: [String] = [], isAgent: Bool = false,
                canBeWoken: Bool = false, isEjected: Bool = false, lastWakeFailed: Bool = false,
                sleepProblem: String? = nil
            ) {
                self.id = id
                self.state = state
                self.reason = reason
                self.models = models
                self.isAgent = isAgent
                self.canBeWoken = canBeWoken
                self.isEjected = isEjected
                self.lastWakeFailed = lastWakeFailed
                self.sleepProblem = sleepProblem
            }
        }

        public var version: String?
        public var isReady: Bool
        /// Nil: the fleet could not be listed, for lack of a token.
        public var machines: [Machine]?

        public init(version: String?, isReady: Bool, machines: [Machine]?) {
            self.version = version
            self.isReady = isReady
            self.machines = machines
        }
    }
}
