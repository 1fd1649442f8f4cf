import ArgumentParser
import LocalFleet

/// What a local fleet looks like: how many machines, how many of them asleep, and how fast each is.
struct FleetShape: ParsableArguments {
    @Option(help: .init("Machines of the local fleet.", valueName: "n"))
    var machines = 3
    @Option(help: .init("How many of them sleep, in class big; the others are in class fast.", valueName: "n"))
    var asleep = 1
    @Option(help: .init("How fast the machines are, in order, such as 1:1:4; the others have 1.", valueName: "a:b:…"))
    var speeds: String?

    func validate() throws {
        guard (1...64).contains(machines) else { throw ValidationError("--machines takes 1 to 64") }
        guard (0..<machines).contains(asleep) else {
            throw ValidationError("--asleep takes 0 to \(machines - 1): one of \(machines) machines has to be awake")
        }
        guard try parsedSpeeds().count <= machines else {
            throw ValidationError("--speeds names more machines than the \(machines) of --machines")
        }
    }

    var isStandard: Bool { machines == 3 && asleep == 1 && speeds == nil }

    /// The fleet that the options describe. Valid after `validate()`.
    var options: LocalFleet.Options {
        var options = LocalFleet.Options.of(machines: machines, asleep: asleep)
        // Unreadable ones were refused by validate().
        let speeds = (try? parsedSpeeds()) ?? []
        for (index, speed) in speeds.enumerated() where index < options.machines.count {
            options.machines[index].speed = speed
        }
        return options
    }

    private func parsedSpeeds() throws -> [Double] {
        try (speeds ?? "").split(whereSeparator: { $0 == ":" || $0 == "," }).map { text in
            guard let speed = Double(text), (0.01...100).contains(speed) else {
                throw ValidationError("--speeds takes numbers from 0.01 to 100, such as 1:1:4; '\(text)' is none")
            }
            return speed
        }
    }
}
