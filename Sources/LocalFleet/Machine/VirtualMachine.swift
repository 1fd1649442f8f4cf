public import Logging
import NIOCore
import NIOPosix
import RunnerAgent
public import ServiceLifecycle
import Settings
public import SimpleAICore
import WakeOnLAN

/// A machine that can sleep: a simulated engine behind a port that can stop responding, and a power switch that
/// receives magic packets over UDP. Both keep their ports while the machine sleeps, until `run()` ends. A real agent
/// registers the machine with the gateway; it does not run while the machine sleeps.
public final class VirtualMachine: Service {
    public let options: MachineOptions
    public let engine: SimulatedEngine
    private let state: Watched<PowerState>
    private let switchPort = Watched<Int?>(nil)
    /// Whether the port has its initial state: it responds unless the machine starts asleep.
    private let isSettled = Watched(false)
    private let gateway = Watched<GatewayToJoin?>(nil)
    private let events: AsyncStream<Event>
    private let reportEvent: AsyncStream<Event>.Continuation
    private let clock: any Clock<Duration>
    private let logger: Logger

    fileprivate enum Event: Sendable {
        case packetArrived(isForThisMachine: Bool)
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
        // Bounded: of a flood of packets, the excess is lost, as on a real network.
        (events, reportEvent) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1024))
    }

    public var id: RunnerID { options.id }
    public var status: MachineStatus { state.value.status }

    /// Waits until the status satisfies the condition, forever if it never does.
    ///
    /// - Throws: `CancellationError`, also if the machine's `run()` has ended.
    public func status(where isSatisfied: @escaping @Sendable (MachineStatus) -> Bool) async throws -> MachineStatus {
        try await state.value { isSatisfied($0.status) }.status
    }

    /// The ports; waits until the switch listens, and the engine listens or, if asleep, has stopped responding.
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

    /// Makes the machine's agent register with this gateway whenever the machine is awake. Called once.
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
                try await PowerSwitch(self.options, logger: self.logger).run { isForThisMachine in
                    self.reportEvent.yield(.packetArrived(isForThisMachine: isForThisMachine))
                } onListening: { port in
                    self.switchPort.update { $0 = port }
                }
            }
            group.addTask { try await self.runAgent() }
            defer { group.cancelAll() }
            // A task ends only if it fails or this one is cancelled.
            try await group.next()
        }
    }

    /// Runs an agent from each boot to the next sleep. As in a power cut, the agent is not notified: its tasks are
    /// cancelled.
    private func runAgent() async throws {
        guard let gateway = try await gateway.value(where: { $0 != nil }) else { throw CancellationError() }
        let ports = try await ports()
        while true {
            _ = try await status { $0.phase == .awake }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await self.agent(of: gateway, engine: ports.engine).run()
                    // A graceful shutdown, of which the agent was notified first.
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
        case .packetArrived(let isForThisMachine): packetArrived(isForThisMachine: isForThisMachine)
        case .bootTimeElapsed(let number): bootTimeElapsed(number)
        case .sleepRequested: sleepRequested()
        }
    }
}
