import Testing

@testable import Authentication

/// For any number of key ids that clients guess, a new key is in use soon, and the issuer gets only a few requests a minute.
@Suite(.timeLimit(.minutes(5))) struct KeySearchPropertyTests {
    @Test(arguments: 0..<60 as Range<UInt64>) func guessesNeitherDelayRotationsNorOverloadTheIssuer(seed: UInt64) {
        var simulation = KeySearchSimulation(seed: seed)
        simulation.run(for: .seconds(1800))

        let interval = RefreshSchedule.requestedFetchInterval(of: KeySearchSimulation.cooldown)
        let maxOnDemand = RefreshSchedule.maxBurst + Int(Duration.seconds(60) / interval)
        #expect(Self.maxInAMinute(simulation.fetchesOnDemand) <= maxOnDemand, "seed \(seed)")
        // After failures, with growing pauses, and by age.
        #expect(Self.maxInAMinute(simulation.fetchesByTime) <= 10, "seed \(seed)")

        #expect(!simulation.delays.isEmpty)
        // A fetch in progress that does not contain the key yet, the interval, and the next fetch.
        let longest = interval + KeySearchSimulation.maxFetchDuration * 2 + .seconds(3)
        for delay in simulation.delays {
            let bound = delay.wasUsedEarly ? longest + KeySearchSimulation.cooldown * 2 : longest
            #expect(delay.refused <= bound, "seed \(seed): \(delay)")
        }
    }

    private static func maxInAMinute(_ times: [ContinuousClock.Instant]) -> Int {
        var first = 0
        var most = 0
        for (last, time) in times.enumerated() {
            while time - times[first] >= .seconds(60) { first += 1 }
            most = max(most, last - first + 1)
        }
        return most
    }
}
