import Authentication
import ControlPlane
import DataPlane
import FleetControl
import Foundation
import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
import NIOPosix
public import OperatingSystem
import Relay
import Scheduling
public import ServiceLifecycle
public import Settings
import SimpleAICore
import Storage
import WakeOnLAN

/// The gateway: creates its parts from settings, and serves until it is shut down.
///
/// On a graceful shutdown, readiness becomes false immediately, and new connections are accepted for another
/// `server.drain_notice`. Then calls in progress have `server.drain` to finish; the remaining ones end with an in-band
/// error.
public struct GatewayApplication: Service {
    private let settings: Settings
    let dataPlane: DataPlaneServices
    let controlPlane: ControlPlaneServices
    let fleet: FleetControl
    let scheduler: Scheduler
    let pools: UpstreamPools
    let budget: BufferBudget
    let spool: SpoolFiles
    let drain: DrainState
    private let verifier: JWTVerifier?
    private let group: any EventLoopGroup
    private let ownedGroup: MultiThreadedEventLoopGroup?
    let logger: Logger
    private let onListening: @Sendable (_ port: Int) -> Void

    /// Performs all checks that are possible before a socket opens.
    /// - Parameters:
    ///   - settings: validated by `SettingsFile`.
    ///   - version: the program's version, for the metrics.
    ///   - accessLog: where access lines are written; nil for the logger.
    ///   - onListening: called once, with the port that the gateway listens on.
    /// - Throws: `GatewayStartError`, one line for the operator.
    public init(
        settings: Settings, version: String, logger: Logger, accessLog: AccessLogOutput? = nil,
        onListening: @escaping @Sendable (_ port: Int) -> Void = { _ in }
    ) throws {
        let descriptors = DescriptorBudget(limit: DescriptorLimit.raise())
        try descriptors.check()
        if let limit = DescriptorLimit.atStart, limit < descriptors.limit {
            logger.info(
                "Descriptor limit raised",
                metadata: [LogKeys.from: "\(limit)", LogKeys.to: "\(descriptors.limit)"])
        }
        let access = AccessRules(settings)
        let rules = try DataPlaneRules(settings, access)
        let stateFile = StateFile(path: settings.fleet.stateFile)
        let remembered = Self.remembered(stateFile, logger)
        let upstreams = UpstreamDirectory()
        for runner in settings.runners { upstreams.put(try Upstream(runner)) }
        let machines = MachineDirectory(settings)
        for (id, known) in remembered.content.runners {
            machines.contextLengths.put(known.statedContextLengths, of: RunnerID(id))
        }
        scheduler = Scheduler(Self.scheduler(settings, remembered.content, machines))
        let verifier = settings.auth.mode == .none ? nil : try JWTVerifier(settings.auth, logger: logger)
        let keys =
            verifier == nil || settings.keys.database.isEmpty
            ? nil : try KeyStore(database: settings.keys.database, stateFile: settings.fleet.stateFile)
        let invitations = try RunnerTokenStore(stateFile: settings.fleet.stateFile)
        var tokens: (any TokenVerifier)? = verifier
        if let verifier, let keys { tokens = CredentialVerifier(tokens: verifier, keys: keys) }

        ownedGroup =
            settings.server.eventLoops > 0
            ? MultiThreadedEventLoopGroup(numberOfThreads: settings.server.eventLoops) : nil
        group = ownedGroup ?? MultiThreadedEventLoopGroup.singleton
        pools = UpstreamPools(logger: logger)
        drain = DrainState()
        budget = BufferBudget(
            limit: settings.server.maxBuffered.bytes, minShare: settings.server.maxBody.bytes)
        spool = SpoolFiles(
            directory: Self.directory(of: settings.fleet.stateFile),
            budget: BufferBudget(
                limit: settings.server.maxSpooled.bytes, minShare: settings.server.maxBody.bytes,
                maxPerCaller: settings.server.maxSpooledPerCaller.bytes))
        let limiter = CallLimiter()
        let admissions = AdmissionMetrics()
        let credentials = CredentialChecks(
            verifier: tokens,
            throttle: AuthenticationThrottle(
                perMinute: settings.auth.failedAttemptsPerMinute, metrics: admissions))

        let fleet = FleetControl(
            settings: settings, machines: machines, scheduler: scheduler, upstreams: upstreams, pools: pools,
            power: WakeMethods(
                group: group, searchPath: ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"),
            stateFile: stateFile, remembered: remembered, admissions: admissions, drain: drain,
            invitations: invitations, logger: logger, on: group.next())
        dataPlane = DataPlaneServices(
            rules: rules, maxConnections: descriptors.maxConnections(configured: settings.server.maxConnections),
            credentials: credentials, scheduler: scheduler, upstreams: upstreams, pools: pools, limiter: limiter,
            budget: budget, spool: spool, admissions: admissions, drain: drain, logger: logger,
            accessLog: AccessLog(logger: logger, output: accessLog),
            refreshModels: { fleet.refreshModels(of: $0) })
        controlPlane = ControlPlaneServices(
            rules: .init(settings: settings, access: access), credentials: credentials, keys: keys,
            invitations: Invitations(store: invitations) { [agents = fleet.agents] in agents.disconnect($0) },
            version: version, scheduler: scheduler, upstreams: upstreams, contextLengths: fleet.contextLengths,
            capabilities: fleet.capabilities, limiter: limiter, budget: budget,
            admissions: admissions,
            metrics: [
                BuildMetric(version: version), dataPlane.metrics, fleet.metrics, budget, spool, dataPlane.connections,
                admissions, dataPlane.accessLog,
            ] + (verifier.map { [$0] } ?? []),
            drain: drain, logger: logger)
        self.fleet = fleet
        self.settings = settings
        self.verifier = verifier
        self.logger = logger
        self.onListening = onListening
    }

    /// The folder of a file; the current one for a name without a folder.
    private static func directory(of file: String) -> String {
        guard let slash = file.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == file.startIndex ? "/" : String(file[..<slash])
    }

    /// - Throws: `GatewayStartError` if the gateway cannot listen on the address.
    public func run() async throws {
        await DescriptorLimit.reserveTimerDescriptors()
        fleet.supervisor.performEffects()
        fleet.agents.start()
        do {
            try await serve()
        } catch {
            try await fleet.agents.stop()
            try await spool.shutdown()
            try await ownedGroup?.shutdownGracefully()
            throw error
        }
        try await fleet.agents.stop()
        try await spool.shutdown()
        pools.closeIdle()
        try await ownedGroup?.shutdownGracefully()
    }

    private func serve() async throws {
        let starts = (0..<3).map { _ in AsyncStream.makeStream(of: Never.self) }
        do {
            // Services shut down in reverse order, each after the previous one has ended.
            try await ServiceGroup(
                services: [
                    AfterListening(fleet.supervisor, starts[0].stream),
                    AfterListening(KeyRefresh(verifier: verifier), starts[1].stream),
                    AfterListening(KeyUsageWriter(keys: controlPlane.keys, logger: logger), starts[2].stream),
                    server { for start in starts { start.continuation.finish() } },
                    DrainNotice(
                        drain: drain, notice: { [dataPlane] in dataPlane.rules.settings.server.drainNotice },
                        logger: logger),
                ],
                logger: quietLogger
            ).run()
        } catch let error as IOError {
            throw GatewayStartError(Self.explanation(of: error, settings.server))
        }
    }

    private func server(onStart: @escaping @Sendable () -> Void) -> some Service {
        let onListening = onListening
        let logger = logger
        let pipeline = ClientPipeline(services: dataPlane) { [agents = fleet.agents] in agents.upgrade(replacing: $0) }
        return Application(
            router: Routes.router(controlPlane),
            server: HTTPServerBuilder { responder in GatewayChannel(responder: responder, pipeline: pipeline) },
            configuration: ApplicationConfiguration(
                address: .hostname(settings.server.host, port: settings.server.port),
                serverName: nil, backlog: 1024),
            onServerRunning: { channel in
                await Self.watchAccepting(on: channel, logger)
                onStart()
                onListening(channel.localAddress?.port ?? 0)
            },
            eventLoopGroupProvider: .shared(group), logger: quietLogger)
    }

    /// Pauses accepting while descriptors, buffers or memory are exhausted, instead of retrying in a loop.
    private static func watchAccepting(on listener: any Channel, _ logger: Logger) async {
        try? await listener.eventLoop.submit {
            let handler = AcceptErrorHandler { change in
                switch change {
                case .paused(let cause):
                    logger.error("Accepting connections paused", metadata: [LogKeys.cause: "\(cause)"])
                case .resumed: logger.notice("Accepting connections resumed")
                }
            }
            try listener.pipeline.syncOperations.addHandler(handler, position: .first)
        }.get()
    }

    /// The logger of the libraries: warnings and errors only, unless the gateway logs debug messages.
    private var quietLogger: Logger {
        var quiet = logger
        if logger.logLevel > .debug { quiet.logLevel = max(logger.logLevel, .warning) }
        return quiet
    }

    /// Reads the state file. It is a cache, so problems with it are only logged.
    private static func remembered(_ file: StateFile, _ logger: Logger) -> StateFile.Opened {
        let opened = file.open()
        switch opened.problem {
        case .setAside(let place, let cause):
            logger.warning(
                "State file moved aside",
                metadata: [LogKeys.path: "\(file.path)", LogKeys.to: "\(place)", LogKeys.cause: "\(cause)"])
        case .unusable(let cause):
            logger.error("State file unusable", metadata: [LogKeys.path: "\(file.path)", LogKeys.cause: "\(cause)"])
        case nil: break
        }
        return opened
    }

    private static func scheduler(
        _ settings: Settings, _ remembered: StateFile.Content, _ machines: MachineDirectory
    ) -> SchedulerState {
        var state = SchedulerState(SchedulerState.Configuration(settings))
        for runner in settings.runners {
            let known = remembered.runners[runner.id.rawValue]
            state.add(
                Runner(runner), rememberedModels: known?.engineModels ?? [], bootTime: known?.bootTime ?? BootTime())
        }
        let staticIDs = Set(settings.runners.map(\.id))
        let others = remembered.runners.map { (id: RunnerID($0), known: $1) }.filter {
            !staticIDs.contains($0.id) && NameFault(in: $0.id.rawValue) == nil
        }
        for (id, known) in others.sorted(by: { $0.id < $1.id }) {
            guard let machine = known.agent, machine.isUsable else { continue }
            machines.put(machine, of: id)
            state.addAgent(
                Runner(id, machine), rememberedModels: known.engineModels, bootTime: known.bootTime, now: .now)
        }
        return state
    }

    private static func explanation(of error: IOError, _ server: Settings.Server) -> String {
        let address = "\(server.host):\(server.port)"
        switch error.errnoCode {
        case EADDRINUSE: return "\(address) is in use by another process; stop it, or choose another server.port"
        case EACCES:
            return
                "\(address) requires privileges this user lacks; choose a server.port above 1023, or grant CAP_NET_BIND_SERVICE"
        case EADDRNOTAVAIL: return "\(server.host) is not an address of this machine; correct server.host"
        default: return "\(address) cannot be bound: \(String(cString: strerror(error.errnoCode)))"
        }
    }
}

/// A service that starts once the gateway listens: a gateway whose port is in use must not probe machines or contact
/// issuers.
private struct AfterListening<Base: Service>: Service {
    private let base: Base
    /// Ends when the gateway listens.
    private let listening: AsyncStream<Never>

    init(_ base: Base, _ listening: AsyncStream<Never>) {
        self.base = base
        self.listening = listening
    }

    func run() async throws {
        for await _ in listening.cancelOnGracefulShutdown() {}
        try Task.checkCancellation()
        try await base.run()
    }
}

/// Refreshes the issuers' keys while the gateway runs.
private struct KeyRefresh: Service {
    let verifier: JWTVerifier?

    func run() async throws {
        guard let verifier else { return try await gracefulShutdown() }
        await cancelWhenGracefulShutdown { await verifier.run() }
    }
}

/// The first service to shut down: turns readiness off, and delays the server's shutdown by `server.drain_notice`, so
/// that load balancers notice before a connection is refused.
private struct DrainNotice: Service {
    let drain: DrainState
    /// Read at the shutdown: a reload may have changed it.
    let notice: @Sendable () -> Duration
    let logger: Logger

    func run() async throws {
        try await gracefulShutdown()
        drain.begin()
        logger.info("Shutdown started")
        try await Task.sleep(for: notice())
    }
}
