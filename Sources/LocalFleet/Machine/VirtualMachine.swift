public import Logging
import NIOCore
import NIOPosix
public import ServiceLifecycle
public import SimpleAICore
import WakeOnLAN

/// A machine that can sleep: a simulated engine behind a port that falls silent, and a power switch that listens for
/// its magic packet on UDP. Both keep their ports from `run()` to its end, over every sleep.
public final class VirtualMachine: Service {
    public let options: MachineOptions
    public let engine: SimulatedEngine
    private let state: Watched<PowerState>
    private let switchPort = Watched<Int?>(nil)
    /// Whether the port does what the first phase says.
    private let isSettled = Watched(false)
    private let events: AsyncStream<Event>
    private let reportEvent: AsyncStream<Event>.Continuation
    private let clock: any Clock<Duration>
    private let logger: Logger

    fileprivate enum Event: Sendable {
        case packetArrived(isForUs: Bool)
        case bootTimeElapsed(Int)
        case sleepRequested
    }

    /// Where to find a running machine on 127.0.0.1.
    public struct Ports: Hashable, Sendable {
        /// The engine's, TCP.
        public let engine: Int
        /// The power switch's, UDP.
        public let powerSwitch: Int
    }

    /// - Parameter clock: what boot times are measured with.
    public init(_ options: MachineOptions, clock: any Clock<Duration> = ContinuousClock(), logger: Logger) {
        self.options = options
        self.clock = clock
        self.logger = logger
        engine = SimulatedEngine(options.engine, logger: logger)
        state = Watched(PowerState(startsAsleep: options.startsAsleep, isPowerCut: options.isPowerCut))
        // Bounded: beyond that the packets of a flood are lost, as on a real wire.
        (events, reportEvent) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1024))
    }

    public var id: RunnerID { options.id }
    public var status: MachineStatus { state.value.status }

    /// The status as soon as it satisfies the condition; waits for ever if it never does.
    ///
    /// - Throws: `CancellationError`, also when the machine's `run()` has ended.
    public func status(where isSatisfied: @escaping @Sendable (MachineStatus) -> Bool) async throws -> MachineStatus {
        try await state.value { isSatisfied($0.status) }.status
    }

    /// The ports, as soon as the switch listens and the engine does or, asleep, has fallen silent.
    public func ports() async throws -> Ports {
        guard let powerSwitch = try await switchPort.value(where: { $0 != nil }) else { throw CancellationError() }
        _ = try await isSettled.value(where: { $0 })
        return Ports(engine: try await engine.port(), powerSwitch: powerSwitch)
    }

    /// Puts the machine to sleep, whatever it is doing, and returns when it does.
    public func sleep() async throws {
        reportEvent.yield(.sleepRequested)
        _ = try await status { $0.phase == .asleep }
    }

    /// Lives until it is cancelled.
    public func run() async throws {
        defer {
            state.fail(CancellationError())
            switchPort.fail(CancellationError())
            isSettled.fail(CancellationError())
        }
        try await withThrowingTaskGroup { group in
            group.addTask { try await self.engine.run() }
            group.addTask { try await self.obeyEvents() }
            group.addTask {
                try await PowerSwitch(self.options, logger: self.logger).run { isForUs in
                    self.reportEvent.yield(.packetArrived(isForUs: isForUs))
                } onListening: { port in
                    self.switchPort.update { $0 = port }
                }
            }
            defer { group.cancelAll() }
            // None of the three has a reason to end before the others.
            try await group.next()
        }
    }

    private func obeyEvents() async throws {
        let port = MachinePort(listener: try await engine.listeningChannel(), connections: engine.connections)
        do {
            if options.startsAsleep { try await port.fallSilent() }
            isSettled.update { $0 = true }
            try await withThrowingDiscardingTaskGroup { group in
                for await event in events {
                    switch state.update({ $0.reactTo(event) }) {
                    case .nothing:
                        break
                    case .boot(let number):
                        logger.info("Machine boots", metadata: ["machine": "\(id)"])
                        group.addTask { [clock, options, reportEvent] in
                            try await clock.sleep(for: options.bootDelay)
                            reportEvent.yield(.bootTimeElapsed(number))
                        }
                    case .startServing:
                        try await port.answer()
                        state.update { $0.servingStarted() }
                        logger.info("Machine is awake", metadata: ["machine": "\(id)"])
                    case .stopServing:
                        try await port.fallSilent()
                        state.update { $0.servingStopped() }
                        logger.info("Machine sleeps", metadata: ["machine": "\(id)"])
                    }
                }
            }
        } catch {
            await port.pullPlug()
            throw error
        }
        await port.pullPlug()
    }
}

extension PowerState {
    fileprivate mutating func reactTo(_ event: VirtualMachine.Event) -> Action {
        switch event {
        case .packetArrived(let isForUs): packetArrived(isForUs: isForUs)
        case .bootTimeElapsed(let number): bootTimeElapsed(number)
        case .sleepRequested: sleepRequested()
        }
    }
}
