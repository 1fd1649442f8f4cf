public import SimpleAICore

/// What the scheduler would do with a call now, and why: every runner with its reasons.
public struct PlacementExplanation: Hashable, Sendable {
    /// The reason why a runner would or would not take the call.
    public enum Reason: String, Hashable, Sendable, CaseIterable {
        /// The runner has a free slot.
        case free
        /// All slots are in use.
        case full
        /// The runner failed repeatedly and is ejected, or is on trial with another call.
        case ejected
        /// The runner already failed this call.
        case excluded
        case lacksModel = "lacks_model"
        /// The runner's engine does not serve the endpoint of the call for the model.
        case lacksEndpoint = "lacks_endpoint"
        /// The runner has the model, but not in memory.
        case loadable
        /// The runner is loading the model, or unloading others for it.
        case loading
        /// The runner failed to load the model; the next attempt waits for the backoff.
        case loadBackoff = "load_back_off"
        /// The next probe or status report decides.
        case unknown
        case checking
        case asleep
        case waking
        /// The last wake failed; the next attempt waits for the backoff.
        case wakeBackoff = "wake_back_off"
        case down
        case lost
    }

    public struct Candidate: Hashable, Sendable {
        public let runner: Runner
        public let state: RunnerState
        /// The requested model that the runner would serve; nil if it has none of them.
        public let model: ModelID?
        /// Whether that model is known to be in memory.
        public let isLoaded: Bool
        public let reason: Reason
        /// The tier of its machine type among the preferences of the class; 0 is the best.
        public let tier: Int
        public let active: Int
        /// Position among the runners that could take the call now, from 1; only the first `maxRanked` have one.
        public let rank: Int?
        public let bootTime: BootTime
        /// Expected time until the runner can serve; nil unless its machine is asleep or waking and the time is known.
        public let wakeETA: Duration?
        /// Whether the call would start a wake of its machine.
        public let wouldBeWoken: Bool

        public var isEligible: Bool { reason == .free }
        /// Calls per unit of capacity.
        public var load: Double { Double(active) / Double(runner.slots * runner.weight) }
    }

    public enum Outcome: Hashable, Sendable {
        case served(RunnerID, ModelID)
        case waitsForSlot
        /// The call would wait for the next probe of a runner in an unknown state.
        case waitsForProbe
        case waitsForWake
        case waitsForLoad
        case refused(GatewayError)
    }

    /// Maximum number of runners with a rank.
    public static let maxRanked = 20

    public let outcome: Outcome
    /// All runners: first those that could serve, in order; then those that have the model; then the rest.
    public let candidates: [Candidate]
    /// Nil if unknown.
    public let expectedWait: Duration?
    /// Maximum wait before the call is refused; nil if it does not wait.
    public let longestWait: Duration?
    /// Number of calls that already wait for the same models.
    public let queue: Int
}
