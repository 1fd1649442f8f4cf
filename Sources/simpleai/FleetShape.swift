import ArgumentParser
import LocalFleet
import SimpleAICore

/// Options for the composition of a local fleet: the number of machines, how many of them sleep, how fast each is, and
/// which faults their wakes have.
struct FleetShape: ParsableArguments {
    @Option(help: .init("Number of machines of the local fleet.", valueName: "n"))
    var machines = 3
    @Option(help: .init("Number of sleeping machines, in class big; the others are in class fast.", valueName: "n"))
    var asleep = 1
    @Option(
        help: .init("Relative speeds of the machines, in order, such as 1:1:4; the others have 1.", valueName: "a:b:…"))
    var speeds: String?
    @Option(help: .init("Number of magic packets lost before one wakes a machine.", valueName: "n"))
    var losePackets = 0
    @Option(help: .init("Number of sleeping machines that never boot.", valueName: "n"))
    var neverBoot = 0
    @Option(help: .init("Number of sleeping machines that boot without their model.", valueName: "n"))
    var wrongModel = 0

    func validate() throws {
        guard (1...64).contains(machines) else { throw ValidationError("--machines must be 1 to 64") }
        guard (0..<machines).contains(asleep) else {
            throw ValidationError(
                "--asleep must be 0 to \(machines - 1): at least one of \(machines) machines must be awake")
        }
        guard try parsedSpeeds().count <= machines else {
            throw ValidationError("--speeds has more values than the \(machines) of --machines")
        }
        guard (0...100).contains(losePackets) else { throw ValidationError("--lose-packets must be 0 to 100") }
        guard neverBoot >= 0, wrongModel >= 0, neverBoot + wrongModel <= asleep else {
            throw ValidationError("--never-boot and --wrong-model together exceed the \(asleep) sleeping machines")
        }
    }

    var isStandard: Bool { machines == 3 && asleep == 1 && speeds == nil && losePackets == 0 && !hasFailingWakes }

    var hasFailingWakes: Bool { neverBoot > 0 || wrongModel > 0 }

    /// A description of the faults, for the line that names the deployment under test.
    var faultDescription: String {
        var words = ""
        if losePackets > 0 { words += ", \(losePackets) lost packets before a wake" }
        if neverBoot > 0 { words += ", \(neverBoot) never boot" }
        if wrongModel > 0 { words += ", \(wrongModel) boot with a wrong model" }
        return words
    }

    /// The fleet that the options describe. Valid after `validate()`.
    var options: LocalFleet.Options {
        var options = LocalFleet.Options.of(machines: machines, asleep: asleep)
        options.version = SimpleAI.version
        // `validate()` has refused invalid values.
        let speeds = (try? parsedSpeeds()) ?? []
        for (index, speed) in speeds.enumerated() where index < options.machines.count {
            options.machines[index].speed = speed
        }
        // Machines with faults are woken first, so that the faults become visible.
        let trouble = "trouble"
        options.prefer = hasFailingWakes ? ["big": [trouble]] : [:]
        let sleepers = options.machines.indices.filter { options.machines[$0].startsAsleep }
        for (place, index) in sleepers.enumerated() {
            options.machines[index].faults.lostPackets = losePackets
            if place < neverBoot + wrongModel { options.machines[index].machineType = trouble }
            options.machines[index].faults.neverBoots = place < neverBoot
            if (neverBoot..<neverBoot + wrongModel).contains(place) {
                options.machines[index].modelsAfterBoot = ["sim-other:13b"]
            }
        }
        return options
    }

    private func parsedSpeeds() throws -> [Double] {
        try (speeds ?? "").split(whereSeparator: { $0 == ":" || $0 == "," }).map { text in
            guard let speed = Double(text), (0.01...100).contains(speed) else {
                throw ValidationError("--speeds must be numbers from 0.01 to 100, such as 1:1:4, not '\(text)'")
            }
            return speed
        }
    }
}
