import NIOCore
import Testing

@testable import ControlPlane

/// Addresses that count as this machine: only they may read `/metrics` without a token.
@Suite struct LocalPeerTests {
    @Test(arguments: ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
    func metricsAreForLoopbackPeers(address: String) throws {
        #expect(ControlContext.isLocal(try SocketAddress(ipAddress: address, port: 5000)))
    }

    @Test(arguments: ["192.0.2.1", "10.0.0.1", "128.0.0.1", "::2", "fe80::1", "::ffff:192.0.2.1", "2001:db8::1"])
    func metricsAreRefusedToOtherMachines(address: String) throws {
        #expect(!ControlContext.isLocal(try SocketAddress(ipAddress: address, port: 5000)))
    }

    @Test func aPeerWithoutAnAddressIsUnknown() throws {
        #expect(!ControlContext.isLocal(nil))
        #expect(ControlContext.isLocal(try SocketAddress(unixDomainSocketPath: "/run/simpleai.sock")))
    }
}
