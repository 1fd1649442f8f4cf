public import SimpleAICore

extension LocalFleet {
    /// The composition of a local fleet.
    ///
    /// No option changes the gateway's behaviour. For an uneven load, which a check of the distribution must detect, an
    /// agent states a wrong number of slots (`declaredSlots`); for failed wakes, machines have faults.
    public struct Options: Hashable, Sendable {
        public var machines: [Machine]
        /// 0 selects a free port.
        public var gatewayPort = 0
        /// The program's version, for the gateway's metrics.
        public var version = "unknown"
        public var audience = "simpleai"
        /// Lifetime of the tokens in `Running.tokens`.
        public var tokenLifetime: Duration = .seconds(24 * 3600)
        /// Machine types that a class prefers, best first.
        public var prefer: [ClassName: [String]] = [:]
        /// Idle time after which machines are put to sleep; zero: never.
        public var sleepAfter: Duration = .zero
        /// Maximum time that a call waits for a machine to wake.
        public var wakeTimeout: Duration = .seconds(30)
        /// The UDP port of 127.0.0.1 that receives a copy of every magic packet; nil selects a free port.
        public var packetPort: Int?
        /// Maximum time until the gateway knows the state of every machine.
        public var startTimeout: Duration = .seconds(30)

        public init(machines: [Machine]) {
            self.machines = machines
        }

        /// Two awake machines in class `fast` that serve the same two models, and one sleeping machine in class `big`.
        public static var standard: Self {
            .of(machines: 3, asleep: 1)
        }

        /// Awake machines in class `fast` that all serve the same two models, and sleeping machines in class `big` that
        /// serve a third one.
        public static func of(machines: Int, asleep: Int) -> Self {
            let awake = max(0, machines - asleep)
            return Self(
                machines: (0..<awake).map { index in
                    Machine(
                        id: RunnerID("fast-\(index + 1)"), modelClass: "fast", models: ["sim-small:1b", "sim-chat:3b"])
                }
                    + (0..<max(0, asleep)).map { index in
                        Machine(
                            id: RunnerID("big-\(index + 1)"), modelClass: "big", models: ["sim-large:70b"],
                            startsAsleep: true)
                    })
        }

        /// Applies a change to all machines.
        public mutating func forEachMachine(_ change: (inout Machine) -> Void) {
            for index in machines.indices { change(&machines[index]) }
        }
    }

    public struct Machine: Hashable, Sendable {
        public var id: RunnerID
        /// The class of its models.
        public var modelClass: ClassName
        public var engine: EngineOptions
        public var startsAsleep: Bool
        /// Time from the magic packet to the engine's first accepted connection.
        public var bootDelay: Duration = .seconds(2)
        public var faults = SimulatedPowerFaults()
        /// Models on its disk after its first boot; nil: unchanged.
        public var modelsAfterBoot: [ModelID]?
        /// The type that its agent states.
        public var machineType = ""
        /// The number of slots that its agent states; nil states the actual number.
        public var declaredSlots: Int?
        /// Factor by which its engine is faster than its pace.
        public var speed = 1.0

        public init(id: RunnerID, modelClass: ClassName, models: [ModelID], startsAsleep: Bool = false) {
            self.id = id
            self.modelClass = modelClass
            self.startsAsleep = startsAsleep
            engine = EngineOptions(models: models)
        }
    }
}
