/// A piece of work, held to a piece of reference work that is measured in the same moments: the ratio of the two says
/// the same on every machine, a time does not.
struct Benchmark {
    let name: String
    let referenceName: String
    /// How often the work is done in one run of it, and the reference in one run of that.
    let work: (count: Int, run: () -> Void)
    let reference: (count: Int, run: () -> Void)
    /// The most times its reference that the work may cost.
    let mostTimesReference: Double
    /// Of performance.md, for people: no machine is judged by it.
    var budget: String = ""

    struct Result {
        /// Of the work once.
        let work: Duration
        let reference: Duration
        var ratio: Double { work / reference }
    }

    /// The fastest of many short runs counts: whatever disturbs a machine only ever makes a run slower. The two take
    /// turns, so that a slow minute is slow for both.
    func measure(rounds: Int = 200) -> Result {
        var (fastest, fastestReference) = (Duration.seconds(1000), Duration.seconds(1000))
        for _ in 0..<rounds {
            fastest = min(fastest, Self.clock.measure(work.run))
            fastestReference = min(fastestReference, Self.clock.measure(reference.run))
        }
        return Result(work: fastest / work.count, reference: fastestReference / reference.count)
    }

    private static let clock = ContinuousClock()
}

/// Keeps the optimiser from leaving out work whose result nobody wants.
@inline(never)
func keep<Value>(_ value: Value) {}
