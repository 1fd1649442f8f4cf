public import SimpleAICore

/// What would become of a call if it came now, and why: every runner with its reasons.
public struct PlacementExplanation: Hashable, Sendable {
    /// Why a runner takes the call, or not.
    public enum Reason: String, Hashable, Sendable, CaseIterable {
        /// It has a free slot.
        case free
        /// Every slot is taken.
        case full
        /// It failed call after call and rests, or is on trial with another call.
        case ejected
        /// It already failed this call.
        case excluded
        case lacksModel = "lacks_model"
        /// It has the model, but not in memory.
        case loadable
        /// It is loading it, or making room for another.
        case loading
        /// It could not load it lately, and is let alone for a while.
        case loadBackOff = "load_back_off"
        /// Its next probe or report decides.
        case unknown
        case checking
        case asleep
        case waking
        /// It did not wake up lately, and is let alone for a while.
        case wakeBackOff = "wake_back_off"
        case down
        case lost
    }

    public struct Candidate: Hashable, Sendable {
        public let runner: Runner
        public let state: RunnerState
        /// Which of the wanted models it would serve; nil if it has none of them.
        public let model: ModelID?
        /// Whether that is in memory, as far as anybody knows.
        public let isLoaded: Bool
        public let reason: Reason
        /// Its machine type's place in what the class prefers; 0 is the best.
        public let tier: Int
        public let active: Int
        /// Its place among those that could take the call now, from 1; only the first `ranked` are placed.
        public let rank: Int?
        public let bootTime: BootTime
        /// How long until it can probably serve, where it sleeps or wakes and that is known.
        public let wakeETA: Duration?
        /// The call would have its machine woken.
        public let wouldBeWoken: Bool

        public var isEligible: Bool { reason == .free }
        /// Calls per unit of capacity.
        public var load: Double { Double(active) / Double(runner.slots * runner.weight) }
    }

    public enum Outcome: Hashable, Sendable {
        case served(RunnerID, ModelID)
        case waitsForSlot
        /// Of a runner that is not known well enough.
        case waitsForProbe
        case waitsForWake
        case waitsForLoad
        case refused(GatewayError)
    }

    /// How many runners are put in order.
    public static let ranked = 20

    public let outcome: Outcome
    /// Those that could serve come first, in order; then those that have the model; then the rest.
    public let candidates: [Candidate]
    /// Nil where nobody knows.
    public let expectedWait: Duration?
    /// Before it is refused; nil where it does not wait.
    public let longestWait: Duration?
    /// Calls that wait for the same models already.
    public let queue: Int
}
