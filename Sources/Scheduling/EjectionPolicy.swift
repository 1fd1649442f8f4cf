/// When a runner that keeps failing is ejected (`routing.ejection`).
public struct EjectionPolicy: Hashable, Sendable {
    /// Number of failed calls in a row; 0 turns ejection off.
    public var failures: Int
    /// Duration of the first ejection; each failed trial makes the next one longer, up to ten times this value.
    public var duration: Duration
    /// The maximum share of the ready runners that may be ejected at the same time.
    public var maxShare: Double

    public init(failures: Int = 5, duration: Duration = .seconds(10), maxShare: Double = 0.5) {
        self.failures = failures
        self.duration = duration
        self.maxShare = maxShare
    }

    /// How long the n-th ejection in a row lasts, counted from 1.
    func duration(ofEjection number: Int) -> Duration { duration * min(max(1, number), 10) }

    /// Whether one more runner may be ejected.
    func permitsEjection(ejectedCount: Int, readyCount: Int) -> Bool {
        Double(ejectedCount + 1) <= maxShare * Double(readyCount)
    }
}
