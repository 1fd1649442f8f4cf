extension SchedulerState {
    public struct Configuration: Sendable {
        /// Maximum number of waiting calls per set of models.
        public var queueLength = 256
        public var queueTimeout: Duration = .seconds(30)
        public var wakeEnabled = true
        public var wakeTimeout: Duration = .seconds(90)
        /// Time after a failed wake before a call may start the next one.
        public var wakeBackoff: Duration = .seconds(30)
        /// A wake fails after this number of attempts if none of them could be sent.
        public var maxFailedWakeAttempts = 3
        /// When packet n (from 0) is sent, from the start of the wake; grows without bound.
        public var packetOffset: @Sendable (Int) -> Duration = { .seconds(15) * $0 }
        /// Prefix that makes wake ids unique across restarts.
        public var wakeIDPrefix = "w"
        public var ejection = EjectionPolicy()
        /// Maximum time to load a model, including calls that have to end and models that have to be unloaded first.
        public var loadTimeout: Duration = .seconds(300)
        /// Time after a failed load before a call may start the next one.
        public var loadBackoff: Duration = .seconds(60)
        /// Idle time after which a machine that can be put to sleep and woken is put to sleep; zero: never.
        public var sleepAfter: Duration = .zero
        /// Maximum time that a machine takes to fall asleep; its agent's reports and its engine's responses during this
        /// time are ignored.
        public var sleepGracePeriod: Duration = .seconds(20)
        /// Maximum time that the gateway's own sleep command takes: programs are stopped earlier.
        public var sleepCommandTimeout: Duration = .seconds(35)
        /// Whether agents' machines that were asleep have to pass a check before they get calls.
        public var checksAfterSleep = false
        /// Time that an agent may be disconnected before its machine counts as asleep or lost.
        public var gracePeriod: Duration = .seconds(5)
        /// Failed probes in a row after which a machine counts as unreachable.
        public var maxFailedProbes = 3

        public init() {}
    }

    /// The rules of one machine's sleeps.
    var sleepRules: SleepMachine.Rules {
        .init(gracePeriod: configuration.sleepGracePeriod, commandTimeout: configuration.sleepCommandTimeout)
    }

    /// The rules of one machine's wakes.
    var wakeRules: WakeMachine.Rules {
        .init(
            timeout: configuration.wakeTimeout, backOff: configuration.wakeBackoff,
            maxFailedAttempts: configuration.maxFailedWakeAttempts, packetOffset: configuration.packetOffset)
    }
}
