public import Logging
import NIOCore
import NIOPosix
import RunnerAgent
public import ServiceLifecycle
import Settings
public import SimpleAICore
import WakeOnLAN

/// A machine that can sleep: a simulated engine behind a port that can stop responding, and a power switch that listens
/// for its magic packet on UDP. Both keep their ports during the whole of `run()`, through every sleep. The real agent
/// joins the gateway; it does not run while the machine sleeps.
public final class VirtualMachine: Service {
    public let options: MachineOptions
    public let engine: SimulatedEngine
    private let state: Watched<PowerState>
    private let switchPort = Watched<Int?>(nil)
    /// Whether the port is ready for the machine's first phase: it responds or, if the machine starts asleep, does not.
    private let isSettled = Watched(false)
    private let gateway = Watched<GatewayToJoin?>(nil)
    private let events: AsyncStream<Event>
    private let reportEvent: AsyncStream<Event>.Continuation
    private let clock: any Clock<Duration>
    private let logger: Logger

    fileprivate enum Event: Sendable {
        case packetArrived(isForUs: Bool)
        case bootTimeElapsed(Int)
        case sleepRequested
    }

    /// The ports of a running machine on 127.0.0.1.
    public struct Ports: Hashable, Sendable {
        /// TCP port of the engine.
        public let engine: Int
        /// UDP port of the power switch.
        public let powerSwitch: Int
    }

    /// - Parameter clock: measures boot times.
    public init(_ options: MachineOptions, clock: any Clock<Duration> = ContinuousClock(), logger: Logger) {
        self.options = options
        self.clock = clock
        self.logger = logger
        engine = SimulatedEngine(options.engine, logger: logger)
        state = Watched(PowerState(startsAsleep: options.startsAsleep, faults: options.faults))
        // Bounded: packets of a flood beyond the limit are lost, as on a real network.
        (events, reportEvent) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1024))
    }

    public var id: RunnerID { options.id }
    public var status: MachineStatus { state.value.status }

    /// The status as soon as it satisfies the condition; waits forever if it never does.
    ///
    /// - Throws: `CancellationError`, also if the machine's `run()` has ended.
    public func status(where isSatisfied: @escaping @Sendable (MachineStatus) -> Bool) async throws -> MachineStatus {
        try await state.value { isSatisfied($0.status) }.status
    }

    /// The ports, as soon as the switch listens and the engine either listens or, asleep, has stopped responding.
    public func ports() async throws -> Ports {
        guard let powerSwitch = try await switchPort.value(where: { $0 != nil }) else { throw CancellationError() }
        _ = try await isSettled.value(where: { $0 })
        return Ports(engine: try await engine.port(), powerSwitch: powerSwitch)
    }

    /// Puts the machine to sleep from any state, and returns when it sleeps.
    public func sleep() async throws {
        reportEvent.yield(.sleepRequested)
        _ = try await status { $0.phase == .asleep }
    }

    /// Makes the machine's agent join this gateway whenever the machine is awake. Called once.
    public func join(_ gateway: GatewayToJoin) {
        self.gateway.update { $0 = $0 ?? gateway }
    }

    /// Runs until the task is cancelled.
    public func run() async throws {
        defer {
            state.fail(CancellationError())
            switchPort.fail(CancellationError())
            isSettled.fail(CancellationError())
            gateway.fail(CancellationError())
        }
        try await withThrowingTaskGroup { group in
            group.addTask { try await self.engine.run() }
            group.addTask { try await self.handleEvents() }
            group.addTask {
                try await PowerSwitch(self.options, logger: self.logger).run { isForUs in
                    self.reportEvent.yield(.packetArrived(isForUs: isForUs))
                } onListening: { port in
                    self.switchPort.update { $0 = port }
                }
            }
            group.addTask { try await self.runAgent() }
            defer { group.cancelAll() }
            // None of the tasks has a reason to end before the others.
            try await group.next()
        }
    }

    /// Runs an agent from each boot to the next sleep. The agent is not notified: its tasks are cancelled, as by a
    /// power cut.
    private func runAgent() async throws {
        guard let gateway = try await gateway.value(where: { $0 != nil }) else { throw CancellationError() }
        let ports = try await ports()
        while true {
            _ = try await status { $0.phase == .awake }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await self.agent(of: gateway, engine: ports.engine).run()
                    // A graceful shutdown, which the agent noticed first.
                    _ = try await self.status { $0.phase != .awake }
                }
                group.addTask { _ = try await self.status { $0.phase != .awake } }
                try await group.next()
                group.cancelAll()
                while try await group.next() != nil {}
            }
        }
    }

    private func agent(of gateway: GatewayToJoin, engine port: Int) throws -> RunnerAgent {
        var settings = RunnerSettings()
        settings.gateway = gateway.url
        settings.token = gateway.token
        settings.id = id
        settings.name = id.rawValue
        settings.machineType = options.machineType
        settings.mac = .address(options.mac)
        settings.listen.host = "127.0.0.1"
        settings.listen.port = 0
        settings.heartbeat = options.heartbeat
        settings.drain = .seconds(5)
        var engine = RunnerSettings.Engine(
            kind: options.engine.loading == nil ? .openAI : .ollama, url: "http://127.0.0.1:\(port)")
        engine.slots = options.declaredSlots ?? options.engine.slots
        settings.engines = [engine]
        var hostEnvironment = HostEnvironment()
        hostEnvironment.graphicsMemory = options.graphicsMemory
        hostEnvironment.sleep = { [reportEvent] in
            reportEvent.yield(.sleepRequested)
            return true
        }
        return try RunnerAgent(settings: settings, hostEnvironment: hostEnvironment, logger: logger)
    }

    private func handleEvents() async throws {
        let port = MachinePort(listener: try await engine.listeningChannel(), connections: engine.connections)
        do {
            if options.startsAsleep { try await port.stopResponding() }
            isSettled.update { $0 = true }
            try await withThrowingDiscardingTaskGroup { group in
                for await event in events {
                    switch state.update({ $0.handle(event) }) {
                    case .nothing:
                        break
                    case .boot(let number):
                        logger.info("Machine boot started", metadata: ["machine": "\(id)"])
                        group.addTask { [clock, options, reportEvent] in
                            try await clock.sleep(for: options.bootDelay)
                            reportEvent.yield(.bootTimeElapsed(number))
                        }
                    case .startServing:
                        if let models = options.modelsAfterBoot { engine.setModels(models) }
                        engine.memory.begin()
                        try await port.startResponding()
                        state.update { $0.servingStarted() }
                        logger.info("Machine awake", metadata: ["machine": "\(id)"])
                    case .stopServing:
                        try await port.stopResponding()
                        state.update { $0.servingStopped() }
                        logger.info("Machine asleep", metadata: ["machine": "\(id)"])
                    }
                }
            }
        } catch {
            await port.closeConnections()
            throw error
        }
        await port.closeConnections()
    }
}

extension PowerState {
    fileprivate mutating func handle(_ event: VirtualMachine.Event) -> Action {
        switch event {
        case .packetArrived(let isForUs): packetArrived(isForUs: isForUs)
        case .bootTimeElapsed(let number): bootTimeElapsed(number)
        case .sleepRequested: sleepRequested()
        }
    }
}
