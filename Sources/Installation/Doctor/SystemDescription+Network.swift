import SimpleAICore

extension SystemDescription {
    /// What an address did when it was contacted.
    public enum HTTPOutcome: Sendable, Hashable {
        case status(Int)
        case refused
        /// No connection in time.
        case timedOut
        /// A connection, and no complete response in time.
        case silent
        case unknownHost
        case noRoute
        /// The reason, for example an unknown authority.
        case untrusted(String)
        case lacksTLS
        case requiresTLS
        /// The bytes of another protocol.
        case notHTTP
        /// The connection was closed before the end of the response.
        case interrupted
        /// Another failure.
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
            /// The key set has this number of entries, none of which the gateway can use.
            case unusableKeys(Int, reason: String)
            /// Discovery states another issuer.
            case otherIssuer(String)
            /// The document has another form; the text states which.
            case malformed(String)
            case failed(HTTPOutcome)
        }

        public var issuer: String
        /// The path of its key set, if that is a file.
        public var file: String?
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
            /// It has OpenAI's list of models, but not what an engine of this kind has.
            case otherKind(String, missing: String)
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
        /// Whether it serves requests for any name with the model that it has, as llama.cpp does.
        public var acceptsAnyModel = false

        public init(id: String, url: String, outcome: Outcome, key: String) {
            self.id = id
            self.url = url
            self.outcome = outcome
            self.key = key
        }
    }

    /// A magic packet that was sent for no machine.
    public struct WakePacket: Sendable, Hashable {
        public enum Outcome: Sendable, Hashable {
            /// A listener on this machine has received it.
            case received
            /// It was sent; no listener was possible.
            case sent
            /// It was sent, and a listener did not receive it.
            case lost
            case failed(String)
        }

        /// Host and port.
        public var destination: String
        /// The key of the settings with the destination, such as `wake.broadcast`.
        public var key: String
        public var outcome: Outcome

        public init(destination: String, key: String, outcome: Outcome) {
            self.destination = destination
            self.key = key
            self.outcome = outcome
        }
    }

    /// What the gateway's verifier makes of a token of a private key on this machine.
    public struct OwnToken: Sendable, Hashable {
        public enum Outcome: Sendable, Hashable {
            case accepted
            /// It is accepted, and its role grants no administration.
            case withoutAdministration
            /// The reason, in the verifier's words.
            case refused(String)
            /// The key makes no token.
            case unusable(String)
        }

        /// The path of the private key.
        public var key: String
        public var issuer: String
        public var audience: String
        public var outcome: Outcome

        public init(key: String, issuer: String, audience: String, outcome: Outcome) {
            self.key = key
            self.issuer = issuer
            self.audience = audience
            self.outcome = outcome
        }
    }

    /// A unit of the system's service manager.
    public struct Service: Sendable, Hashable {
        public var unit: String
        /// As `systemctl is-active` reports it.
        public var activity: String
        public var isEnabled: Bool
        /// The user of the unit; nil if it is unknown.
        public var user: String?
        /// Whether this program can see the service's files as the service does.
        public var isObservable = true

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
        /// Why it is not the gateway of the settings; a clause.
        public var difference: String?
        /// The status with which it refused the administrator's token that the operator gave.
        public var tokenRefusal: Int?

        public init(version: String?, isReady: Bool, machines: [Machine]?) {
            self.version = version
            self.isReady = isReady
            self.machines = machines
        }
    }
}
