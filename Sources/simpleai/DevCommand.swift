import ArgumentParser
import Foundation
import Gateway
import LocalFleet
import Logging
import OperatingSystem
import ServiceLifecycle
import SimpleAICore
import UnixSignals

/// `simpleai dev`: runs a local fleet until it is stopped.
struct DevCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dev",
        abstract: "Run a local fleet in one process: token issuer, gateway and machines, some of them asleep.",
        discussion: """
            Everything listens on 127.0.0.1 and every response is simulated. The machines have virtual power and real \
            agents: `simpleai wake` and `simpleai sleep` work on them, and a table shows their states. While it runs, \
            `simpleai token` without a key uses its token issuer.

            Example: simpleai dev --port 8080
            """)

    @Option(help: ArgumentHelp("Put machines to sleep after this idle time; 0 means never.", valueName: "seconds"))
    var sleepAfter = 0.0

    @Flag(help: "Print one line of JSON when the fleet is up, and no other output.")
    var json = false

    @Option(help: "The gateway's port; 0 picks a free port.")
    var port = 0

    @Option(help: ArgumentHelp("Boot time of the sleeping machines.", valueName: "seconds"))
    var bootDelay = 2.0

    @Option(help: ArgumentHelp("Time to first token in milliseconds.", valueName: "ms"))
    var ttft = 20

    @Option(help: ArgumentHelp("Generation speed per response; 0 means as fast as possible.", valueName: "n"))
    var tokensPerSecond = 200.0

    @Option(help: ArgumentHelp("Concurrent requests per engine.", valueName: "n"))
    var slots = 4

    @Option(help: ArgumentHelp("Seed of the simulation; the same seed gives the same responses.", valueName: "n"))
    var seed: UInt64 = 1

    @OptionGroup(title: "Fleet") var shape: FleetShape

    @Flag(help: "Cut the machines' power: magic packets arrive but wake no machine, so a Wake-on-LAN test must fail.")
    var cutPower = false

    func validate() throws {
        guard (0...65535).contains(port) else { throw ValidationError("--port must be a number from 0 to 65535.") }
        guard (0...3600).contains(bootDelay) else { throw ValidationError("--boot-delay must be 0 to 3600 seconds.") }
        guard (0...1_000_000).contains(sleepAfter) else {
            throw ValidationError("--sleep-after must not be negative.")
        }
        guard (0...3_600_000).contains(ttft) else { throw ValidationError("--ttft must be 0 to 3600000 milliseconds.") }
        guard tokensPerSecond >= 0, tokensPerSecond.isFinite else {
            throw ValidationError("--tokens-per-second must not be negative.")
        }
        guard (1...4096).contains(slots) else { throw ValidationError("--slots must be a number from 1 to 4096.") }
    }

    func run() async throws {
        let end = SilentEnd()
        var logger = Logger(label: "simpleai.dev") { end.handler(TextLogHandler(label: $0)) }
        logger.logLevel = .warning
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(
                        service: DevFleet(options: options, json: json, end: end, logger: logger),
                        successTerminationBehavior: .gracefullyShutdownGroup)
                ],
                gracefulShutdownSignals: [.sigint, .sigterm], logger: Logger.silent))
        do {
            try await group.run()
        } catch let error as GatewayStartError {
            StandardError.write("simpleai: \("\(error)".replacing("server.port", with: "--port"))")
            throw ExitCode(1)
        }
    }

    private var options: LocalFleet.Options {
        var options = shape.options
        options.gatewayPort = port
        options.sleepAfter = .seconds(sleepAfter)
        options.wakeTimeout += .seconds(bootDelay)
        options.forEachMachine { machine in
            machine.bootDelay = .seconds(bootDelay)
            machine.faults.isPowerCut = cutPower
            machine.engine.pace = EnginePace(timeToFirstToken: .milliseconds(ttft), tokensPerSecond: tokensPerSecond)
            machine.engine.slots = slots
            machine.engine.seed = seed
        }
        return options
    }
}

/// The fleet as a service, so that signals stop it in the same way as the gateway.
private struct DevFleet: Service {
    let options: LocalFleet.Options
    let json: Bool
    let end: SilentEnd
    let logger: Logger

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await serve()
        } onGracefulShutdown: {
            end.begin()
        }
    }

    private func serve() async throws {
        try await LocalFleet.withRunning(options, logger: logger) { fleet in
            let note = RunningFleetNote(issuer: fleet.issuerURL, url: fleet.url)
            let other = try note.claim()
            let view = try DevView(fleet)
            try await announce(fleet)
            if let other { warn(of: other) }
            do {
                try await show(view)
            } catch is CancellationError {
                // The fleet failed, and `withRunning` throws the reason. The note must be removed nevertheless.
            }
            try note.remove()
        }
    }

    /// Runs until the shutdown.
    private func show(_ view: DevView) async throws {
        guard !json else { return try await gracefulShutdown() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await view.run() }
            group.addTask { try await gracefulShutdown() }
            try await group.next()
        }
    }

    /// All fleets record their addresses in the same file, unless XDG_RUNTIME_DIR differs.
    private func warn(of other: RunningFleetNote) {
        StandardError.write(
            "warning: another `simpleai dev` is running (\(other.url), process \(other.pid)); `simpleai token` and commands "
                + "without --url use that one. To use both, start each with a different XDG_RUNTIME_DIR")
    }

    private func announce(_ fleet: LocalFleet.Running) async throws {
        let announcement = try await DevAnnouncement(fleet)
        let text = json ? announcement.line : announcement.text
        // The parent process waits for this line on a pipe: no buffering.
        StandardStream.output.write(text + "\n")
    }
}
