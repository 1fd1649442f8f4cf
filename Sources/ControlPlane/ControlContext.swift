package import Hummingbird
import Logging
import NIOCore

/// The context of a control-plane request: Hummingbird's core context and the peer's address.
package struct ControlContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    let peer: SocketAddress?

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        peer = source.channel.remoteAddress
    }

    /// Whether the peer is on this host: a loopback address or a Unix domain socket.
    var isLocal: Bool { Self.isLocal(peer) }

    static func isLocal(_ peer: SocketAddress?) -> Bool {
        switch peer {
        case .v4, .v6:
            guard let address = peer?.ipAddress else { return false }
            return address == "::1" || address.hasPrefix("127.") || address.hasPrefix("::ffff:127.")
        case .unixDomainSocket: return true
        case nil: return false
        }
    }
}
