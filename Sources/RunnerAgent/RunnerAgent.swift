public import Logging
import NIOCore
import NIOPosix
import OperatingSystem
import RunnerProtocol
public import ServiceLifecycle
public import Settings

/// The runner agent: registers this machine with a gateway, relays the gateway's calls to its engines, and reports
/// their status.
///
/// On a graceful shutdown it notifies the gateway first, serves calls that still arrive meanwhile, gives calls in
/// progress `settings.drain` to finish, and only then stops the engines that it started and disconnects. On
/// cancellation it stops immediately.
public struct RunnerAgent: Service {
    private let settings: RunnerSettings
    private let roster: EngineRoster
    private let credential: AgentCredential
    private let counts = CallCounts()
    private let hostEnvironment: HostEnvironment
    private let logger: Logger
    private let onJoined: @Sendable (_ port: Int) -> Void

    /// Time for the gateway to process the notification of the shutdown, so that no call arrives at a closed port.
    private static let notificationDelay: Duration = .milliseconds(300)

    /// - Parameters:
    ///   - settings: as validated by `RunnerSettingsFile`.
    ///   - hostEnvironment: replaces properties of this host, for a simulated machine.
    ///   - onJoined: called each time that the gateway has registered the agent, with the port of the agent's HTTP
    ///     server.
    /// - Throws: `RunnerAgentStartError`, one line for the operator.
    public init(
        settings: RunnerSettings, hostEnvironment: HostEnvironment = .init(), logger: Logger,
        onJoined: @escaping @Sendable (_ port: Int) -> Void = { _ in }
    ) throws {
        self.settings = settings
        self.hostEnvironment = hostEnvironment
        self.logger = logger
        self.onJoined = onJoined
        credential = try AgentCredential(settings)
        roster = try EngineRoster(settings, counts: counts, logger: logger)
    }

    /// - Throws: `RunnerAgentStartError` if the address cannot be bound.
    public func run() async throws {
        DescriptorLimit.raise()
        await DescriptorLimit.reserveTimerDescriptors()
        let group = MultiThreadedEventLoopGroup.singleton
        let services = CallServices(roster: roster, counts: counts, secret: credential.secret, logger: logger)
        let report = StatusReport(roster: roster, counts: counts, settings: settings, hostEnvironment: hostEnvironment)
        let server = try await CallServer.listen(
            on: settings.listen.host, port: settings.listen.port, services: services, group: group)
        let commands = AgentCommands(
            roster: roster, counts: counts, sleepCommand: settings.power.sleepCommand, hostEnvironment: hostEnvironment,
            logger: logger)
        do {
            let link = try GatewayLink(
                settings, credential: credential, httpPort: server.port, report: report, commands: commands,
                group: group, logger: logger
            ) { [onJoined] extensions in
                services.demandSecret(extensions.contains(.httpAuth))
                onJoined(server.port)
            }
            await withDiscardingTaskGroup { group in
                // First, because starting an engine takes longest.
                group.addTask { await roster.runEngines() }
                // The registration includes the graphics card if it can be queried quickly.
                async let graphics = report.refreshStatus(within: .seconds(1))
                await roster.refreshStatus()
                _ = await graphics
                await runUntilShutdown(link, report, server)
                group.cancelAll()
            }
        } catch {
            await server.end(by: .now())
            throw error
        }
        await server.end(by: .now())
    }

    private func runUntilShutdown(_ link: GatewayLink, _ report: StatusReport, _ server: CallServer) async {
        await withDiscardingTaskGroup { group in
            group.addTask { await roster.watch() }
            group.addTask { await report.run { link.notify(.statusChanged) } }
            group.addTask { for await _ in roster.changes { link.notify(.statusChanged) } }
            group.addTask {
                await ResumeWatch.run {
                    // Figures of the graphics card from before the sleep must not be reported.
                    await report.refreshStatus(within: .seconds(5))
                    link.notify(.resumed)
                }
            }
            async let linkEnd: Void = link.run()
            do {
                try await gracefulShutdown()
                await drain(link, report, server)
                await linkEnd
            } catch {
                // After a cancellation no notification is sent.
            }
            group.cancelAll()
        }
    }

    private func drain(_ link: GatewayLink, _ report: StatusReport, _ server: CallServer) async {
        logger.info("Shutdown started", metadata: [LogKeys.active: "\(counts.total.active)"])
        let deadline = NIODeadline.now() + TimeAmount(settings.drain)
        report.drain()
        link.notify(.drainBegan)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                try? await Task.sleep(for: Self.notificationDelay)
                await counts.idle()
            }
            group.addTask { try? await Task.sleep(for: settings.drain) }
            await group.next()
            group.cancelAll()
        }
        await server.end(by: deadline)
        link.notify(.finished)
    }
}
