import NIOCore
import SimpleAICore
import Testing

@testable import Relay

@Suite struct PeerTests {
    @Test func addressesAreDistinguishedByTheirNetworks() throws {
        func peer(_ address: String) throws -> SimpleAICore.Peer {
            SimpleAICore.Peer(IPAddress(try SocketAddress(ipAddress: address, port: .random(in: 1...65_535))))
        }
        #expect(try peer("192.0.2.1") == .v4(0xC000_0201))
        #expect(try peer("192.0.2.1") != peer("192.0.2.2"))
        #expect(try peer("::ffff:192.0.2.1") == peer("192.0.2.1"))
        #expect(try peer("2001:db8:0:1::1") == peer("2001:db8:0:1:ffff::2"))
        #expect(try peer("2001:db8:0:1::1") != peer("2001:db8:0:2::1"))
        #expect(SimpleAICore.Peer(nil) == .local)
        #expect(SimpleAICore.Peer(IPAddress(try SocketAddress(unixDomainSocketPath: "/tmp/s"))) == .local)
    }
}
