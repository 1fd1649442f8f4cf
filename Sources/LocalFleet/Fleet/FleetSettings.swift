import Settings
import SimpleAICore

/// The settings of a local fleet's gateway.
struct FleetSettings {
    let options: LocalFleet.Options
    let issuer: String
    let runnerToken: String
    /// The UDP port that reaches every machine.
    let wakePort: Int
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
        settings.fleet.token = runnerToken
        // This network loses no packets, so a lost connection means a machine without power.
        settings.fleet.gracePeriod = .milliseconds(250)
        // Simulated machines boot in two seconds: a stream that waits for one gets a keepalive, too.
        settings.keepalive.after = .milliseconds(500)
        settings.keepalive.every = .milliseconds(500)
        settings.fleet.stateFile = stateFile
        settings.keys.database = keyDatabase
        settings.routing.prefer = options.prefer
        settings.sleep.after = options.sleepAfter
        settings.wake.broadcast = "127.0.0.1"
        settings.wake.port = wakePort
        settings.wake.timeout = options.wakeTimeout
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
}
