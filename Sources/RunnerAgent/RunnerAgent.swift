public import Logging
import NIOCore
import NIOPosix
import OperatingSystem
import RunnerProtocol
public import ServiceLifecycle
public import Settings

/// The runner agent: lets this machine join a gateway's fleet, relays the gateway's calls to its engines, and tells how
/// they are.
///
/// On a graceful shutdown it tells the gateway first, serves what is still sent meanwhile, gives open calls
/// `settings.drain` to end, and only then stops the engines that it has started and leaves. Cancelled, it just stops.
public struct RunnerAgent: Service {
    private let settings: RunnerSettings
    private let roster: EngineRoster
    private let counts = CallCounts()
    private let surroundings: Surroundings
    private let logger: Logger
    private let onJoined: @Sendable (_ port: Int) -> Void

    /// For a gateway to take notice, so that no call is under way to a port that nobody listens on any more.
    private static let notice: Duration = .milliseconds(300)

    /// - Parameters:
    ///   - settings: as `RunnerSettingsFile` has checked them.
    ///   - surroundings: the machine, where it is another than that of this process.
    ///   - onJoined: called each time that the gateway has taken us in, with the port where its calls come in.
    /// - Throws: `RunnerAgentStartError`, one line for the operator.
    public init(
        settings: RunnerSettings, surroundings: Surroundings = .init(), logger: Logger,
        onJoined: @escaping @Sendable (_ port: Int) -> Void = { _ in }
    ) throws {
        self.settings = settings
        self.surroundings = surroundings
        self.logger = logger
        self.onJoined = onJoined
        roster = try EngineRoster(settings, counts: counts, logger: logger)
    }

    /// - Throws: `RunnerAgentStartError` when the address cannot be listened on.
    public func run() async throws {
        DescriptorLimit.raise()
        await DescriptorLimit.openTimers()
        let group = MultiThreadedEventLoopGroup.singleton
        let services = CallServices(roster: roster, counts: counts, secret: settings.token, logger: logger)
        let report = StatusReport(roster: roster, counts: counts, settings: settings, surroundings: surroundings)
        let server = try await CallServer.listen(
            on: settings.listen.host, port: settings.listen.port, services: services, group: group)
        let orders = Orders(
            roster: roster, counts: counts, sleepCommand: settings.power.sleepCommand, surroundings: surroundings,
            logger: logger)
        do {
            let link = try GatewayLink(
                settings, httpPort: server.port, report: report, orders: orders, group: group, logger: logger
            ) { [onJoined] extensions in
                services.demandSecret(extensions.contains(.httpAuth))
                onJoined(server.port)
            }
            await withDiscardingTaskGroup { group in
                // At once: what takes longest is an engine's start.
                group.addTask { await roster.runEngines() }
                // A registration says everything at once, where that does not take long.
                async let graphics = report.look(within: .seconds(1))
                await roster.look()
                _ = await graphics
                await live(link, report, server)
                group.cancelAll()
            }
        } catch {
            await server.end(by: .now())
            throw error
        }
        await server.end(by: .now())
    }

    private func live(_ link: GatewayLink, _ report: StatusReport, _ server: CallServer) async {
        await withDiscardingTaskGroup { group in
            group.addTask { await roster.watch() }
            group.addTask { await report.run { link.tell(.statusChanged) } }
            group.addTask { for await _ in roster.changes { link.tell(.statusChanged) } }
            group.addTask {
                await ResumeWatch.run {
                    // First the graphics card: what is said of it must not be of before the sleep.
                    await report.look(within: .seconds(5))
                    link.tell(.resumed)
                }
            }
            async let linkEnd: Void = link.run()
            do {
                try await gracefulShutdown()
                await drain(link, report, server)
                await linkEnd
            } catch {
                // Cancelled: nobody is told anything.
            }
            group.cancelAll()
        }
    }

    private func drain(_ link: GatewayLink, _ report: StatusReport, _ server: CallServer) async {
        logger.info("Shutting down", metadata: [LogKeys.active: "\(counts.total.active)"])
        let deadline = NIODeadline.now() + TimeAmount(settings.drain)
        report.drain()
        link.tell(.drainBegan)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                try? await Task.sleep(for: Self.notice)
                await counts.idle()
            }
            group.addTask { try? await Task.sleep(for: settings.drain) }
            await group.next()
            group.cancelAll()
        }
        await server.end(by: deadline)
        link.tell(.finished)
    }
}
