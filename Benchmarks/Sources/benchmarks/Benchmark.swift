/// A piece of work, compared with a piece of reference work that is measured at the same time: the ratio of the two
/// is the same on every machine, a duration is not.
struct Benchmark {
    let name: String
    let referenceName: String
    /// How often one run repeats the work, and how often a run of the reference repeats the reference.
    let work: (count: Int, run: () -> Void)
    let reference: (count: Int, run: () -> Void)
    /// The maximum cost of the work, as a multiple of its reference.
    let maxTimesReference: Double
    /// The budget from performance.md, for information: no machine fails because of it.
    var budget: String = ""

    struct Result {
        /// The duration of one repetition of the work.
        let work: Duration
        let reference: Duration
        var ratio: Double { work / reference }
    }

    /// The fastest of many short runs counts: disturbances only ever make a run slower. The runs of the two
    /// alternate, so that a slow minute is slow for both.
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

/// Keeps the optimiser from removing work whose result is unused.
@inline(never)
func keep<Value>(_ value: Value) {}
