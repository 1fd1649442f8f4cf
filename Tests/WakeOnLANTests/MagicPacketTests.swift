import SimpleAICore
import Testing

@testable import WakeOnLAN

@Suite struct MagicPacketTests {
    let mac: MACAddress
    let address: [UInt8] = [0x00, 0x1B, 0x21, 0xAF, 0x5E, 0x09]

    init() throws {
        mac = try #require(MACAddress("00:1b:21:af:5e:09"))
    }

    @Test func bytesAreSixFFAndSixteenAddresses() {
        let bytes = MagicPacket(mac: mac).bytes
        #expect(bytes.count == 102)
        #expect(
            bytes.hex == "ffffffffffff"
                + "001b21af5e09001b21af5e09001b21af5e09001b21af5e09001b21af5e09001b21af5e09001b21af5e09001b21af5e09"
                + "001b21af5e09001b21af5e09001b21af5e09001b21af5e09001b21af5e09001b21af5e09001b21af5e09001b21af5e09")
    }

    @Test(arguments: [[], [1, 2, 3, 4], [0xDE, 0xAD, 0xBE, 0xEF, 0x00, 0x01]] as [[UInt8]])
    func passwordFollowsTheAddresses(_ password: [UInt8]) throws {
        let packet = try #require(MagicPacket(mac: mac, secureOn: password))
        #expect(Array(packet.bytes.dropFirst(102)) == password)
        #expect(MagicPacket(decoding: packet.bytes) == packet)
    }

    @Test(arguments: [1, 2, 3, 5, 7, 12])
    func passwordsOfOtherLengthsAreRefused(_ length: Int) {
        #expect(MagicPacket(mac: mac, secureOn: [UInt8](repeating: 7, count: length)) == nil)
    }

    @Test(arguments: [0, 1, 5, 6, 7, 40])
    func packetIsFoundBehindOtherBytes(_ count: Int) {
        let packet = MagicPacket(mac: mac)
        #expect(MagicPacket(decoding: [UInt8](repeating: 0x42, count: count) + packet.bytes)?.mac == mac)
        #expect(MagicPacket(decoding: [UInt8](repeating: 0xFF, count: count) + packet.bytes)?.mac == mac)
    }

    @Test func trailingBytesOfOtherLengthsAreIgnored() {
        let packet = MagicPacket(mac: mac)
        #expect(MagicPacket(decoding: packet.bytes + [1, 2, 3]) == packet)
        #expect(MagicPacket(decoding: packet.bytes + [UInt8](repeating: 0, count: 18)) == packet)
    }

    @Test func addressMayBeginWithFF() throws {
        let mac = try #require(MACAddress("FF:FF:00:00:00:01"))
        #expect(MagicPacket(decoding: [0xFF] + MagicPacket(mac: mac).bytes)?.mac == mac)
    }

    @Test func everyAlteredByteIsDetected() {
        let bytes = MagicPacket(mac: mac).bytes
        for index in bytes.indices {
            var broken = bytes
            broken[index] ^= 0x10
            #expect(MagicPacket(decoding: broken) == nil, "byte \(index)")
        }
        for length in 0..<bytes.count {
            #expect(MagicPacket(decoding: bytes.prefix(length)) == nil, "length \(length)")
        }
    }

    @Test func runOfFFIsNoPacket() {
        #expect(MagicPacket(decoding: [UInt8](repeating: 0xFF, count: 300)) == nil)
    }
}

extension [UInt8] {
    fileprivate var hex: String {
        map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
