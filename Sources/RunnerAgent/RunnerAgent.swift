public import Logging
import NIOCore
import NIOPosix
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
    private let logger: Logger
    private let onJoined: @Sendable (_ port: Int) -> Void

    /// For a gateway to take notice, so that no call is under way to a port that nobody listens on any more.
    private static let notice: Duration = .milliseconds(300)

    /// - Parameters:
    ///   - settings: as `RunnerSettingsFile` has checked them.
    ///   - onJoined: called each time that the gateway has taken us in, with the port where its calls come in.
    /// - Throws: `RunnerAgentStartError`, one line for the operator.
    public init(
        settings: RunnerSettings, logger: Logger, onJoined: @escaping @Sendable (_ port: Int) -> Void = { _ in }
    ) throws {
        self.settings = settings
        self.logger = logger
        self.onJoined = onJoined
        roster = try EngineRoster(settings, logger: logger)
    }

    /// - Throws: `RunnerAgentStartError` when the address cannot be listened on.
    public func run() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let services = CallServices(roster: roster, counts: counts, secret: settings.token, logger: logger)
        let report = StatusReport(roster: roster, counts: counts, settings: settings)
        let server = try await CallServer.listen(
            on: settings.listen.host, port: settings.listen.port, services: services, group: group)
        let orders = Orders(
            roster: roster, counts: counts, sleepCommand: settings.power.sleepCommand, logger: logger)
        do {
            let link = try GatewayLink(
                settings, httpPort: server.port, report: report, orders: orders, group: group, logger: logger
            ) { [onJoined] extensions in
                services.demandSecret(extensions.contains(.httpAuth))
                onJoined(server.port)
            }
            // A registration says everything at once, where that does not take long.
            await roster.look()
            await live(link, report, server)
        } catch {
            await server.end(by: .now())
            throw error
        }
        await server.end(by: .now())
    }

    private func live(_ link: GatewayLink, _ report: StatusReport, _ server: CallServer) async {
        await withDiscardingTaskGroup { group in
            group.addTask { await roster.run() }
            group.addTask { await report.run() }
            group.addTask { for await _ in roster.changes { link.tell(.statusChanged) } }
            group.addTask { await ResumeWatch.run { link.tell(.resumed) } }
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
