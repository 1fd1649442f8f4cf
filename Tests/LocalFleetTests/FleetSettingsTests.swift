import Logging
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

@Suite struct FleetSettingsTests {
    private func settings(_ options: LocalFleet.Options) throws -> Settings {
        let mac = try #require(MACAddress("02:00:00:00:00:01"))
        let machines = options.machines.enumerated().map { index, machine in
            (
                VirtualMachine(
                    MachineOptions(id: machine.id, mac: mac, engine: machine.engine), logger: .silent),
                VirtualMachine.Ports(engine: 1000 + index, powerSwitch: 2000 + index)
            )
        }
        return FleetSettings(
            options: options, issuer: "http://127.0.0.1:1", machines: machines, stateFile: "/nowhere",
            keyDatabase: "/nowhere"
        ).settings
    }

    @Test func theStandardFleetIsTwoFastMachinesAndABigOneThatSleeps() throws {
        let options = LocalFleet.Options.standard
        #expect(options.machines.map(\.startsAsleep) == [false, false, true])
        let settings = try settings(options)
        #expect(settings.classes.map(\.name) == ["fast", "big"])
        #expect(settings.classes.map(\.models.count) == [2, 1])
        #expect(Set(settings.classes[0].models).isDisjoint(with: settings.classes[1].models))
        #expect(settings.runners.map(\.url) == (1000...1002).map { "http://127.0.0.1:\($0)" })
        #expect(settings.runners.map { $0.wake?.port } == [2000, 2001, 2002])
        #expect(settings.auth.issuers.map(\.issuer) == ["http://127.0.0.1:1"])
    }

    @Test func anyRunnerOfAClassServesAllOfItsModels() throws {
        let settings = try settings(.standard)
        for modelClass in settings.classes {
            for runner in settings.runners where !Set(runner.models).isDisjoint(with: modelClass.models) {
                #expect(runner.models == modelClass.models)
            }
        }
    }

    @Test func whatSettingsClaimMayDifferFromTheMachine() throws {
        var options = LocalFleet.Options.standard
        options.machines[0].declaredSlots = 19
        options.machines[1].weight = 3
        let settings = try settings(options)
        #expect(settings.runners.map(\.slots) == [19, 4, 4])
        #expect(settings.runners.map(\.weight) == [1, 3, 1])
    }
}
