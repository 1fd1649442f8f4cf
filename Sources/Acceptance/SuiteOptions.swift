/// The operator's options, except target and tokens.
public struct SuiteOptions: Sendable {
    /// Timeout of each request; nil uses each test's default.
    public var timeout: Duration?
    public var verifiesCertificates = true
    /// Maximum duration of the run; nil is unlimited.
    public var deadline: Duration?
    public var seed: UInt64
    public var allowsInconclusive = false
    /// Number of rounds, each with its own seed. Every round counts: failures are not retried.
    public var rounds = 1
    /// Check ids, or prefixes of them (`wol.wake`); empty runs all.
    public var only: [String] = []
    public var skip: [String] = []
    /// Classes and their members, if the model list does not state them.
    public var classMap: [String: Set<String>] = [:]
    /// The status codes of the deployment's refusals.
    public var expectedStatuses = ExpectedStatuses()
    /// The program's version, for the reports.
    public var version = "unknown"
    public var wakeOnLAN = WakeOnLAN()
    public var modelRouting = ModelRouting()
    public var workloadRouting = WorkloadRouting()
    public var authentication = Authentication()
    public var dialects = Dialects()

    /// The known clock accuracy; nil measures it.
    var clock: ClockAccuracy?

    public init(seed: UInt64 = .random(in: .min ... .max)) {
        self.seed = seed
    }

    /// Whether a check runs, by `--only` and `--skip`.
    func selects(_ id: String) -> Bool {
        (only.isEmpty || only.contains { Suite.matches(id, $0) }) && !skip.contains { Suite.matches(id, $0) }
    }

    /// Where the name of a test's target comes from.
    public enum TargetSource: Sendable, Hashable {
        /// An option of the operator: failed calls for it count against the deployment.
        case named
        /// The default.
        case builtIn
        /// The deployment's model list; the default if that is unavailable.
        case modelList
    }

    public struct WakeOnLAN: Sendable {
        public var model = "class:fast"
        public var targetSource = TargetSource.builtIn
        public var grades = false
        /// Maximum duration of a wake; nil is unlimited.
        public var maxWake: Duration?
        /// UDP port that receives copies of magic packets.
        public var packetPort: Int?
        /// Puts the target's machine to sleep: the operator's command, or the local fleet.
        public var putToSleep: (@Sendable () async throws -> Void)?
        /// Maximum time until the machine is asleep after ``putToSleep``.
        public var sleepTimeout: Duration = .seconds(120)
        public var pollInterval: Duration = .milliseconds(250)
        public var callers = 10
        /// Maximum time without a byte on a stream that waits for the wake.
        public var silenceTimeout: Duration = .seconds(15)
    }

    public struct ModelRouting: Sendable {
        /// The models to request; empty uses the classes and the ready models of the model list.
        public var models: [String] = []
        public var testsPermissions = false
        public var callsPerRoute = 5
    }

    public struct WorkloadRouting: Sendable {
        public enum Policy: String, Sendable, CaseIterable {
            case roundRobin = "round-robin"
            case leastBusy = "least-busy"
        }

        public var model = "class:fast"
        public var targetSource = TargetSource.builtIn
        /// Number of calls; nil sends `Coverage.decisiveRequests` for the number of runners.
        public var requests: Int?
        public var workers = 10
        public var sequential = false
        public var analyzesTiming = false
        public var runnerHeader: String?
        /// Number of runners that can serve; nil uses the model list's number.
        public var runners: Int?
        /// Concurrent calls that each runner accepts; nil is unknown.
        public var slots: Int?
        public var policy: Policy?
    }

    public struct Authentication: Sendable {
        public var adminPath = "/admin"
    }

    public struct Dialects: Sendable {
        /// The endpoints that the operator states, with the model to request, or nil to choose one; empty: those that the
        /// model list and a request on the path show.
        public var endpoints: [Endpoint: String?] = [:]
        /// The class or model for endpoints that generate text; nil: chosen from the model list.
        public var model: String?
        /// Maximum time without a keepalive on a stream that waits for a machine.
        public var silenceTimeout: Duration = .seconds(15)
        /// Maximum number of concurrent streams that fill the slots of the target.
        public var maxStreams = 32
        /// A stream without content for this time, while others run, waits for a slot.
        public var queueThreshold: Duration = .seconds(1)
        /// Maximum time from closing streams until a waiting one begins.
        public var cancelTimeout: Duration = .seconds(10)
    }
}
