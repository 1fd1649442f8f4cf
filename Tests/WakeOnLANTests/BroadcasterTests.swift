import NIOCore
import NIOPosix
import SimpleAICore
import Testing

@testable import WakeOnLAN

/// Real datagrams on loopback.
@Suite(.timeLimit(.minutes(5))) struct BroadcasterTests {
    let mac: MACAddress

    init() throws {
        mac = try #require(MACAddress("52-54-00-12-34-56"))
    }

    /// The last is the loopback network's broadcast address, whose packets do not reach a socket bound to 127.0.0.1.
    @Test(arguments: [("127.0.0.1", "127.0.0.1"), ("localhost", "localhost"), ("0.0.0.0", "127.255.255.255")])
    func packetArrives(_ bound: String, _ address: String) async throws {
        try await withReceiver(on: bound) { port, datagrams in
            try await Broadcaster().send(MagicPacket(mac: mac), to: address, port: port)
            #expect(try await datagrams.next() == MagicPacket(mac: mac).bytes)
        }
    }

    @Test func passwordTravelsWithTheRequest() async throws {
        try await withReceiver(on: "127.0.0.1") { port, datagrams in
            let request = WakePacketRequest(mac: mac, secureOn: [1, 2, 3, 4, 5, 6], broadcast: "127.0.0.1", port: port)
            let sender: any PowerControl = WakeMethods(searchPath: "")
            try await sender.perform(.packet(request))
            let received = try #require(try await datagrams.next())
            #expect(MagicPacket(decoding: received) == MagicPacket(mac: mac, secureOn: [1, 2, 3, 4, 5, 6]))
        }
    }

    @Test(.enabled(if: Self.hasIPv6Loopback, "this host has no IPv6 loopback"))
    func packetArrivesOverIPv6() async throws {
        try await withReceiver(on: "::1") { port, datagrams in
            try await Broadcaster().send(MagicPacket(mac: mac), to: "::1", port: port)
            #expect(try await datagrams.next() == MagicPacket(mac: mac).bytes)
        }
    }

    /// The address has no listener: UDP reports no error, and a second packet is sent like the first.
    @Test func anAddressWithoutAListenerIsNoError() async throws {
        for _ in 0..<2 { try await Broadcaster().send(MagicPacket(mac: mac), to: "127.0.0.1", port: 9) }
    }

    @Test func unknownHostIsNamed() async {
        await #expect(throws: PowerError.unknownHost("gpu.invalid")) {
            try await Broadcaster().send(MagicPacket(mac: mac), to: "gpu.invalid", port: 9)
        }
    }

    @Test(arguments: [0, -1, 65_536])
    func impossiblePortIsRefused(_ port: Int) async {
        await #expect(throws: PowerError.invalidRequest(reason: "\(port) is not a UDP port")) {
            try await Broadcaster().send(MagicPacket(mac: mac), to: "127.0.0.1", port: port)
        }
    }

    @Test func systemErrorsAreTranslated() {
        func translated(_ code: CInt) -> PowerError {
            Broadcaster.translate(IOError(errnoCode: code, reason: "sendto"), address: "10.0.0.255")
        }
        #expect(translated(EACCES) == .notPermitted(address: "10.0.0.255"))
        #expect(translated(EPERM) == .notPermitted(address: "10.0.0.255"))
        #expect(translated(ENETUNREACH) == .noRoute(address: "10.0.0.255"))
        guard case .failed("10.0.0.255", let reason) = translated(EMFILE) else {
            Issue.record("an error without a case of its own must keep its reason")
            return
        }
        #expect(reason == "Too many open files")
    }

    @Test func passwordOfWrongLengthIsRefused() async {
        let request = WakePacketRequest(mac: mac, secureOn: [1, 2, 3], broadcast: "127.0.0.1", port: 9)
        await #expect(throws: PowerError.invalidRequest(reason: "a SecureOn password must have 6 bytes, not 3")) {
            try await Broadcaster().send(request)
        }
    }

    static let hasIPv6Loopback: Bool = {
        guard let interfaces = try? System.enumerateDevices() else { return false }
        return interfaces.contains { $0.address?.ipAddress == "::1" }
    }()
}

typealias DatagramReader = NIOAsyncChannelInboundStream<AddressedEnvelope<ByteBuffer>>.AsyncIterator

/// Payloads received by a socket of the test.
struct Datagrams {
    var iterator: DatagramReader

    mutating func next() async throws -> [UInt8]? {
        try await iterator.next().map { Array($0.data.readableBytesView) }
    }
}

private func withReceiver(on host: String, _ body: (Int, inout Datagrams) async throws -> Void) async throws {
    let channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .bind(host: host, port: 0)
        .flatMapThrowing { channel in
            try NIOAsyncChannel<AddressedEnvelope<ByteBuffer>, Never>(wrappingChannelSynchronously: channel)
        }
        .get()
    let port = try #require(channel.channel.localAddress?.port)
    try await channel.executeThenClose { inbound, _ in
        var datagrams = Datagrams(iterator: inbound.makeAsyncIterator())
        try await body(port, &datagrams)
    }
}
