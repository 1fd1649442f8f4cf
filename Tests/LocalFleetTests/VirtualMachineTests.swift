import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import SimpleAICore
import Testing
import WakeOnLAN

@testable import LocalFleet

@Suite struct VirtualMachineTests {
    private static let address: MACAddress = {
        guard let address = MACAddress("02:00:00:00:00:07") else { preconditionFailure("a written address") }
        return address
    }()

    private func machine(_ change: (inout MachineOptions) -> Void = { _ in }) -> VirtualMachine {
        var options = MachineOptions(id: "m", mac: Self.address, engine: EngineOptions(models: ["sim:1b"]))
        options.startsAsleep = true
        options.bootDelay = .milliseconds(1)
        change(&options)
        return VirtualMachine(options, logger: .silent)
    }

    private func send(_ bytes: [UInt8], to port: Int) async throws {
        let socket = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let target = try SocketAddress(ipAddress: "127.0.0.1", port: port)
        try await socket.writeAndFlush(AddressedEnvelope(remoteAddress: target, data: ByteBuffer(bytes: bytes)))
        try await socket.close()
    }

    private func health(_ port: Int) async throws -> Int {
        try await LoopbackClient.send(.GET, "http://127.0.0.1:\(port)/health").status
    }

    /// Whether the machine is silent: no connection, or one without a response.
    private func isSilent(_ port: Int) async throws -> Bool {
        do {
            _ = try await within(.milliseconds(300), "an answer") { try await health(port) }
            return false
        } catch is DeadlinePassed {
            return true
        }
    }

    @Test func aSleepingMachineNeitherRespondsNorRefuses() async throws {
        try await running(machine()) { machine in
            let port = try await machine.ports().engine
            for _ in 1...3 { #expect(try await isSilent(port)) }
            #expect(machine.status.phase == .asleep)
        }
    }

    #if os(Linux)
    /// On other systems the connection may be established and stay silent.
    @Test func aSleepingMachineAcceptsNoConnection() async throws {
        try await running(machine()) { machine in
            let port = try await machine.ports().engine
            for _ in 1...3 {
                await #expect(throws: ChannelError.self) {
                    try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                        .connectTimeout(.milliseconds(200)).connect(host: "127.0.0.1", port: port).get()
                }
            }
        }
    }
    #endif

    @Test func aMagicPacketReopensTheSamePort() async throws {
        try await running(machine()) { machine in
            let ports = try await machine.ports()
            try await send(MagicPacket(mac: Self.address).bytes, to: ports.powerSwitch)
            let status = try await machine.status { $0.phase == .awake }
            #expect(status.wakes == 1)
            #expect(try await health(ports.engine) == 200)
        }
    }

    @Test func itCanSleepAndWakeAgainAndAgain() async throws {
        try await running(machine { $0.startsAsleep = false }) { machine in
            let ports = try await machine.ports()
            for round in 1...3 {
                #expect(try await health(ports.engine) == 200)
                try await machine.sleep()
                #expect(try await isSilent(ports.engine))
                try await send(MagicPacket(mac: Self.address).bytes, to: ports.powerSwitch)
                _ = try await machine.status { $0.wakes == round }
            }
            #expect(try await machine.ports() == ports)
        }
    }

    @Test func aClientThatConnectsDuringBootIsServed() async throws {
        try await running(machine()) { machine in
            let ports = try await machine.ports()
            async let early = health(ports.engine)
            try await send(MagicPacket(mac: Self.address).bytes, to: ports.powerSwitch)
            #expect(try await early == 200)
        }
    }

    @Test func sleepEndsRequestsInProgress() async throws {
        try await running(
            machine {
                $0.startsAsleep = false
                $0.engine.pace = EnginePace(timeToFirstToken: .zero, tokensPerSecond: 0.01)
            }
        ) { machine in
            let response = try await RawClient.with(try await machine.ports().engine) { client in
                try await client.send(RawClient.chat(#"{"model":"sim:1b","stream":true,"messages":[]}"#))
                _ = try await client.read(until: "data: ")
                try await machine.sleep()
                return try await client.read(until: "[DONE]")
            }
            #expect(!response.contains("[DONE]"))
            let counters = try await machine.engine.counters { $0.activeRequests == 0 }
            #expect(counters.cancelled == 1)
        }
    }

    @Test func otherDatagramsDoNotWakeTheMachine() async throws {
        try await running(machine()) { machine in
            let port = try await machine.ports().powerSwitch
            let other = try #require(MACAddress("02:00:00:00:00:08"))
            try await send([1, 2, 3], to: port)
            let protected = try #require(MagicPacket(mac: Self.address, secureOn: [1, 2, 3, 4, 5, 6]))
            try await send(protected.bytes, to: port)
            try await send(MagicPacket(mac: other).bytes, to: port)
            let status = try await machine.status { $0.packetsSeen == 2 }
            #expect(status.packetsForThisMachine == 0)
            #expect(status.phase == .asleep)
        }
    }

    @Test func withoutPowerPacketsDoNotWakeTheMachine() async throws {
        try await running(machine { $0.faults.isPowerCut = true }) { machine in
            let ports = try await machine.ports()
            try await send(MagicPacket(mac: Self.address).bytes, to: ports.powerSwitch)
            let status = try await machine.status { $0.packetsForThisMachine == 1 }
            #expect(status.phase == .asleep)
            #expect(try await isSilent(ports.engine))
        }
    }

    @Test func everyPacketIsCopied() async throws {
        let (packets, report) = AsyncStream.makeStream(of: [UInt8].self)
        let listener = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DatagramReader { report.yield($0) })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let copyPort = try #require(listener.localAddress?.port)
        let sent = MagicPacket(mac: Self.address).bytes
        let arrived = try await running(machine { $0.packetCopyPort = copyPort }) { machine in
            try await send(sent, to: try await machine.ports().powerSwitch)
            return await packets.first { _ in true }
        }
        #expect(arrived == sent)
        try await listener.close()
    }

    private final class DatagramReader: ChannelInboundHandler, Sendable {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>

        private let report: @Sendable ([UInt8]) -> Void

        init(_ report: @escaping @Sendable ([UInt8]) -> Void) {
            self.report = report
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            report(Array(unwrapInboundIn(data).data.readableBytesView))
        }
    }
}
