import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

@Suite struct FleetSettingsTests {
    private func settings(_ options: LocalFleet.Options) -> Settings {
        FleetSettings(
            options: options, issuer: "http://127.0.0.1:1", runnerToken: "secret", wakePort: 2000,
            stateFile: "/nowhere", keyDatabase: "/nowhere"
        ).settings
    }

    @Test func theStandardFleetIsTwoFastMachinesAndABigOneThatSleeps() {
        let options = LocalFleet.Options.standard
        #expect(options.machines.map(\.startsAsleep) == [false, false, true])
        let settings = settings(options)
        #expect(settings.classes.map(\.name) == ["fast", "big"])
        #expect(settings.classes.map(\.models.count) == [2, 1])
        #expect(Set(settings.classes[0].models).isDisjoint(with: settings.classes[1].models))
        #expect(settings.runners.isEmpty && settings.fleet.token == "secret", "its machines join by themselves")
        #expect(settings.wake.broadcast == "127.0.0.1" && settings.wake.port == 2000)
        #expect(settings.auth.issuers.map(\.issuer) == ["http://127.0.0.1:1"])
    }

    @Test func aClassHasTheModelsOfItsMachines() {
        var options = LocalFleet.Options.standard
        options.machines[1].engine.models.append("sim-extra:7b")
        let settings = settings(options)
        #expect(settings.classes[0].models == ["sim-small:1b", "sim-chat:3b", "sim-extra:7b"])
        #expect(settings.defaultClass == "fast")
    }
}
