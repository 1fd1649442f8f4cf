public import SimpleAICore

extension LocalFleet {
    /// What a local fleet consists of.
    ///
    /// There is no switch here that makes the gateway misbehave: what shifts the load of a fleet (to see a check of the
    /// distribution notice it) is what an agent can say, `declaredSlots`; what makes wakes fail are the machines' own
    /// faults.
    public struct Options: Hashable, Sendable {
        public var machines: [Machine]
        /// 0 means any free port.
        public var gatewayPort = 0
        public var audience = "simpleai"
        /// Of the tokens in `Running.tokens`.
        public var tokenLifetime: Duration = .seconds(24 * 3600)
        /// Machine types that a class prefers, best first.
        public var prefer: [ClassName: [String]] = [:]
        /// Machines without a call for so long are put to sleep; zero: never.
        public var sleepAfter: Duration = .zero
        /// How long a call waits for a machine to wake.
        public var wakeTimeout: Duration = .seconds(30)
        /// The UDP port of 127.0.0.1 to which the machines copy every magic packet; nil picks a free one.
        public var packetPort: Int?
        /// For the whole start: until every machine is seen as it is.
        public var startLimit: Duration = .seconds(30)

        public init(machines: [Machine]) {
            self.machines = machines
        }

        /// Two awake machines in class `fast`, which serve the same two models, and one in class `big`, asleep.
        public static var standard: Self {
            .of(machines: 3, asleep: 1)
        }

        /// Machines in class `fast`, awake, which all serve the same two models, and machines in class `big`, asleep,
        /// which serve a third one.
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

        /// For all machines at once.
        public mutating func forEachMachine(_ change: (inout Machine) -> Void) {
            for index in machines.indices { change(&machines[index]) }
        }
    }

    public struct Machine: Hashable, Sendable {
        public var id: RunnerID
        /// The class that its models belong to.
        public var modelClass: ClassName
        public var engine: EngineOptions
        public var startsAsleep: Bool
        /// From the magic packet to the engine's first accepted connection.
        public var bootDelay: Duration = .seconds(2)
        public var faults = PowerFaults()
        /// What is on its disk from its first boot on; nil: what was there before.
        public var modelsAfterBoot: [ModelID]?
        /// As its agent states it.
        public var machineType = ""
        /// The slots that its agent claims; nil is the truth.
        public var declaredSlots: Int?
        /// How many times as fast as its engine's pace says.
        public var speed = 1.0

        public init(id: RunnerID, modelClass: ClassName, models: [ModelID], startsAsleep: Bool = false) {
            self.id = id
            self.modelClass = modelClass
            self.startsAsleep = startsAsleep
            engine = EngineOptions(models: models)
        }
    }
}
