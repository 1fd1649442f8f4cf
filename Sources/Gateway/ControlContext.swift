import Hummingbird
import Logging
import NIOCore

/// The context of a control-plane request: Hummingbird's own, and the peer's address.
struct ControlContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let peer: SocketAddress?

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        peer = source.channel.remoteAddress
    }

    /// Whether the request came over the loopback interface.
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
