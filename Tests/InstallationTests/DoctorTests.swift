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
        #expect(names.count >= 90)
        #expect(Set(PlantedFault.all.map { ExactString($0.check) }).count >= 65)
    }

    @Test func `errors precede warnings`() throws {
        var system = try HealthySystem.description()
        system.host.maxOpenFiles = 256
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

    @Test func `an engine whose models are stated needs no list`() throws {
        for outcome: SystemDescription.EngineState.Outcome in [
            .noList, .failed(.status(404)), .failed(.status(501)), .models([]),
        ] {
            var system = try HealthySystem.description()
            system.gateway?.document = try HealthySystem.settings(
                HealthySystem.settingsText.replacing("id: gpu,", with: "id: gpu, models: [llama3.2],"))
            system.gateway?.engines[0].outcome = outcome
            system.gateway?.running = nil
            system.gateway?.service = nil
            let findings = Doctor.findings(in: system)
            #expect(findings.isEmpty, "\(findings)")
        }
    }

    @Test func `credentials that only the gateway sends are not judged`() throws {
        var system = try HealthySystem.description()
        system.gateway?.engines[0].outcome = .failed(.status(401))
        #expect(Doctor.findings(in: system).isEmpty, "the gateway that runs sends calls to it")
    }

    @Test func `an engine that serves every name needs no model of that name`() throws {
        var system = try HealthySystem.description()
        system.gateway?.document = try HealthySystem.settings(
            HealthySystem.settingsText.replacing("id: gpu,", with: "id: gpu, models: [llama3.2],"))
        system.gateway?.engines[0].outcome = .models(["/models/weights.gguf"])
        system.gateway?.engines[0].acceptsAnyModel = true
        let findings = Doctor.findings(in: system)
        #expect(findings.isEmpty, "\(findings)")
    }

    @Test func `a machine that uses addresses, or names that are reached, needs no resolver`() throws {
        var system = try HealthySystem.description()
        system.host.hasResolver = false
        #expect(Doctor.findings(in: system).isEmpty, "/etc/hosts resolves the names")
        system.gateway?.document = try HealthySystem.settings(
            HealthySystem.settingsText.replacing("https://issuer.example", with: "https://10.0.0.2"))
        system.gateway?.issuers = []
        system.runner = nil
        #expect(Doctor.findings(in: system).isEmpty)
    }

    @Test func `a shared folder with the sticky bit is no open folder`() throws {
        var system = try HealthySystem.description()
        system.gateway?.files[5].folder = .present(.init(mode: 0o1777, owner: "root"))
        #expect(Doctor.findings(in: system).isEmpty)
    }

    @Test func `a machine is reported once if its engine explains its state`() throws {
        var system = try HealthySystem.description()
        system.gateway?.engines[0].outcome = .failed(.refused)
        system.gateway?.running?.machines?[0].state = "down"
        #expect(Doctor.findings(in: system).map(\.check) == ["engine.refused"])
    }
}
