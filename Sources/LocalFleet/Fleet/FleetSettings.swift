import Settings
import SimpleAICore

/// The settings that a gateway in front of a local fleet gets: what `simpleai.yaml` would say about it.
struct FleetSettings {
    let options: LocalFleet.Options
    let issuer: String
    let machines: [(machine: VirtualMachine, ports: VirtualMachine.Ports)]
    let stateFile: String
    let keyDatabase: String

    var settings: Settings {
        var settings = Settings()
        settings.server.host = "127.0.0.1"
        settings.server.port = options.gatewayPort
        settings.server.drain = .seconds(5)
        settings.auth.issuers = [Settings.Issuer(issuer: issuer, audience: .oneOf([options.audience]))]
        settings.classes = classes
        settings.defaultClass = options.machines.first?.modelClass ?? "fast"
        settings.runners = zip(options.machines, machines).map { runner($0, $1.machine, $1.ports) }
        settings.fleet.stateFile = stateFile
        settings.keys.database = keyDatabase
        settings.wake.broadcast = "127.0.0.1"
        settings.wake.timeout = options.wakeTimeout
        settings.wake.probeEvery = .milliseconds(200)
        return settings
    }

    private var classes: [Settings.ModelClass] {
        var classes: [Settings.ModelClass] = []
        for machine in options.machines {
            if let index = classes.firstIndex(where: { $0.name == machine.modelClass }) {
                classes[index].models += machine.engine.models.filter { !classes[index].models.contains($0) }
            } else {
                classes.append(Settings.ModelClass(name: machine.modelClass, models: machine.engine.models))
            }
        }
        return classes
    }

    private func runner(
        _ options: LocalFleet.Machine, _ machine: VirtualMachine, _ ports: VirtualMachine.Ports
    ) -> Settings.StaticRunner {
        var runner = Settings.StaticRunner(id: options.id, url: "http://127.0.0.1:\(ports.engine)")
        // Said, not discovered: a machine that sleeps from the start could tell nobody.
        runner.models = options.engine.models
        runner.slots = options.declaredSlots ?? options.engine.slots
        runner.weight = options.weight
        // Sleep is to be seen within a second here, not within the quarter of a minute that a real network is given.
        runner.probe.every = .milliseconds(300)
        runner.probe.timeout = .milliseconds(250)
        runner.wake = Settings.WakeTarget(
            mac: machine.options.mac, broadcast: "127.0.0.1", port: ports.powerSwitch)
        return runner
    }
}
