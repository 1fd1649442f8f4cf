import Settings
import SimpleAICore
import Testing

@testable import Installation

/// A fault that is planted into a healthy system, and the one finding that it has to cause.
struct PlantedFault: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let check: String
    /// Parts of the message and of the fix.
    let parts: [String]
    let plant: @Sendable (inout SystemDescription) throws -> Void

    init(
        _ description: String, _ check: String, _ parts: String...,
        plant: @escaping @Sendable (inout SystemDescription) throws -> Void
    ) {
        testDescription = description
        self.check = check
        self.parts = parts
        self.plant = plant
    }
}

@Suite struct DoctorTests {
    @Test func `a healthy installation causes no finding`() throws {
        #expect(Doctor.findings(in: try HealthySystem.description()).isEmpty)
    }

    @Test func `facts that could not be observed cause no finding`() throws {
        var system = SystemDescription(version: "1.2.3")
        system.gateway = .init(document: try HealthySystem.settings())
        system.runner = .init(document: try HealthySystem.runnerSettings())
        #expect(Doctor.findings(in: system).isEmpty)
        #expect(Doctor.findings(in: SystemDescription(version: "1.2.3")).isEmpty)
    }

    @Test(arguments: PlantedFault.all)
    func `a planted fault causes its finding, and no other one`(fault: PlantedFault) throws {
        var system = try HealthySystem.description()
        try fault.plant(&system)
        let findings = Doctor.findings(in: system)
        #expect(findings.map(\.check) == [fault.check], "\(findings)")
        for part in fault.parts {
            #expect(findings.contains { $0.description.contains(part) }, "\(part) is missing: \(findings)")
        }
        for finding in findings {
            #expect(!finding.fix.isEmpty && !finding.message.isEmpty)
            #expect(!finding.description.contains("Optional("))
        }
    }

    @Test func `every fault has a name of its own`() {
        let names = PlantedFault.all.map { ExactString($0.testDescription) }
        #expect(Set(names).count == names.count)
        #expect(names.count >= 50)
        #expect(Set(PlantedFault.all.map { ExactString($0.check) }).count >= 45)
    }

    @Test func `errors precede warnings`() throws {
        var system = try HealthySystem.description()
        system.host.hasResolver = false
        system.gateway?.service?.activity = "failed"
        #expect(Doctor.findings(in: system).map(\.severity) == [.error, .warning])
    }

    @Test func `a port of two runners is shared only if the host is the same`() throws {
        var system = try HealthySystem.description()
        system.gateway?.engines[1].url = "http://10.0.0.7:11434"
        #expect(Doctor.findings(in: system).isEmpty)
    }

    @Test func `the models of machines that were never seen are unknown`() throws {
        var system = try HealthySystem.description()
        system.gateway?.running?.machines = nil
        system.gateway?.engines[0].outcome = .models(["other"])
        #expect(Doctor.findings(in: system).isEmpty, "an invited runner may have the model")
    }
}
