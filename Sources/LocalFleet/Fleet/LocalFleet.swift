import Foundation
import Gateway
public import Logging
import ServiceLifecycle
import SimpleAICore

/// A complete deployment in one process: token issuer, gateway, and machines with simulated engines and virtual power.
/// The machines' real agents join the gateway over real sockets on free ports of 127.0.0.1.
public struct LocalFleet: Sendable {
    public enum Failure: Error, Equatable, CustomStringConvertible {
        case partEnded(String)

        public var description: String {
            switch self {
            case .partEnded(let part): "\(part) of the local fleet ended unexpectedly"
            }
        }
    }

    /// Starts a fleet, waits until the gateway knows the state of every machine, runs `body` and shuts everything down.
    ///
    /// - Throws: what `body` throws; `DeadlinePassed` if the start takes longer than `options.startTimeout`; the error of
    ///   any part of the fleet that fails, in which case `body` is cancelled.
    public static func withRunning<Result: Sendable>(
        _ options: Options = .standard, logger: Logger,
        _ body: @escaping @Sendable (Running) async throws -> Result
    ) async throws -> Result {
        try await withTemporaryDirectory { directory in
            try await withThrowingTaskGroup(of: Part<Result>.self) { group in
                // No part of the fleet outlives this group, whatever the outcome: the group waits for all of them.
                defer { group.cancelAll() }
                let fleet = try await LocalFleet(options, directory: directory, logger: logger)
                fleet.addParts(to: &group)
                group.addTask {
                    let running = try await within(options.startTimeout, "the start of the local fleet") {
                        try await fleet.awaitRunning()
                    }
                    return .body(try await body(running))
                }
                while let part = try await group.next() {
                    switch part {
                    case .body(let result):
                        return result
                    case .service(let name):
                        try Task.checkCancellation()
                        // A graceful shutdown reaches the parts, too, which may finish before the body.
                        guard Task.isShuttingDownGracefully else { throw Failure.partEnded(name) }
                    }
                }
                throw CancellationError()
            }
        }
    }

    private enum Part<Result: Sendable>: Sendable {
        case body(Result)
        case service(name: String)
    }

    private let options: Options
    private let issuer: TokenIssuer
    private let machines: [VirtualMachine]
    private let segment = NetworkSegment()
    /// The token that the agents send to the gateway; valid for this fleet only.
    private let runnerToken = UUID().uuidString
    /// Receives a copy of every magic packet.
    private let packetPort: Int
    private let stateFile: String
    private let keyDatabase: String
    private let gatewayPort = Watched<Int?>(nil)
    private let logger: Logger

    private init(_ options: Options, directory: String, logger: Logger) async throws {
        let key = try SigningKey(generating: .es256)
        let packetPort = if let port = options.packetPort { port } else { try await FreePort.udp() }
        self.options = options
        self.packetPort = packetPort
        self.logger = logger
        stateFile = directory + "/state.json"
        keyDatabase = directory + "/keys.db"
        issuer = TokenIssuer(key: key, audience: options.audience, logger: logger)
        machines = options.machines.enumerated().map { index, machine in
            var machineOptions = MachineOptions(
                id: machine.id, mac: Self.address(ofMachine: index), engine: machine.engine)
            machineOptions.engine.pace = machine.engine.pace.faster(by: machine.speed)
            machineOptions.bootDelay = machine.bootDelay
            machineOptions.faults = machine.faults
            machineOptions.modelsAfterBoot = machine.modelsAfterBoot
            machineOptions.machineType = machine.machineType
            machineOptions.declaredSlots = machine.declaredSlots
            return VirtualMachine(machineOptions, logger: logger)
        }
    }

    /// In the locally administered unicast range, which belongs to no vendor.
    private static func address(ofMachine index: Int) -> MACAddress {
        MACAddress(first: 0x02, 0x53, 0x41, 0x49, UInt8(index >> 8 & 0xff), UInt8(index & 0xff) &+ 1)
    }

    private func addParts<Result>(to group: inout ThrowingTaskGroup<Part<Result>, any Error>) {
        group.addTask {
            try await issuer.run()
            return .service(name: "the token issuer")
        }
        for machine in machines {
            group.addTask {
                try await machine.run()
                return .service(name: "machine \(machine.id)")
            }
        }
        group.addTask {
            var powerSwitchPorts: [Int] = []
            for machine in machines { powerSwitchPorts.append(try await machine.ports().powerSwitch) }
            try await segment.run(machines: powerSwitchPorts, copyPort: packetPort)
            return .service(name: "the network")
        }
        group.addTask {
            try await runGateway()
            return .service(name: "the gateway")
        }
    }

    private func runGateway() async throws {
        do {
            try await serveGateway()
            gatewayPort.fail(CancellationError())
        } catch {
            // Code that waits for the port receives the reason why there is none.
            gatewayPort.fail(error)
            throw error
        }
    }

    private func serveGateway() async throws {
        let settings = FleetSettings(
            options: options, issuer: try await issuer.url(), runnerToken: runnerToken,
            wakePort: try await segment.broadcastPort(), stateFile: stateFile, keyDatabase: keyDatabase
        ).settings
        let gateway = try GatewayApplication(settings: settings, version: options.version, logger: logger) { port in
            gatewayPort.update { $0 = port }
        }
        try await runToGracefulEnd(gateway, logger: logger)
    }

    private func awaitRunning() async throws -> Running {
        let mint = try await issuer.tokenMint()
        guard let port = try await gatewayPort.value(where: { $0 != nil }) else { throw CancellationError() }
        let running = Running(
            url: "http://127.0.0.1:\(port)", mint: mint, machines: machines, packetPort: packetPort,
            tokens: try Running.Tokens(mint, lifetime: options.tokenLifetime), runnerToken: runnerToken,
            sleepers: Set(options.machines.filter(\.startsAsleep).map(\.id)))
        let gateway = GatewayToJoin(url: "ws://127.0.0.1:\(port)/ws/runners", token: runnerToken)
        for machine in machines { machine.join(gateway) }
        let view = FleetView(url: running.url, token: running.tokens.admin)
        // A machine must be awake once, so that the gateway knows it and can wake it.
        try await view.waitUntilListed(options.machines, asleep: [])
        guard !running.sleepers.isEmpty else { return running }
        try await running.putSleepersToSleep()
        try await view.waitUntilListed(options.machines, asleep: running.sleepers)
        return running
    }
}

extension MACAddress {
    fileprivate init(first: UInt8, _ rest: UInt8...) {
        guard let address = MACAddress(bytes: [first] + rest) else {
            preconditionFailure("a MAC address has six bytes")
        }
        self = address
    }
}
