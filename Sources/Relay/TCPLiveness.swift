import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What TCP itself knows of the other side: its kernel acknowledges what it receives, however busy its programs are, and
/// nothing once it has no power.
enum TCPLiveness {
    /// Without traffic for so long, and after that as often, the other side's kernel is asked (RFC 9293 §3.8.4). In seconds.
    static let keepaliveInterval: CInt = 5
    static let maxKeepalives: CInt = 5
    /// Data that stays unacknowledged for so long ends the connection (RFC 5482). In milliseconds; the same as all
    /// keepalives take together.
    static let userTimeout: CInt = 30_000

    /// Whether the kernel ended the connection because nothing came back.
    static func isTimeout(_ error: any Error) -> Bool {
        guard let error = error as? IOError else { return false }
        return [ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN].contains(error.errnoCode)
    }

    /// When the other side last acknowledged or sent something; nil where the operating system does not tell.
    static func lastAcknowledgement(on channel: any Channel) -> EventLoopFuture<ContinuousClock.Instant?>? {
        #if os(Linux)
        (channel as? any SocketOptionProvider)?.getTCPInfo().map { info in
            .now - .milliseconds(min(info.tcpi_last_ack_recv, info.tcpi_last_data_recv))
        }
        #else
        nil
        #endif
    }
}

extension ClientBootstrap {
    /// Connections to a machine that has lost power or its network end after half a minute, instead of staying open.
    func detectingDeadPeers() -> ClientBootstrap {
        let bootstrap = channelOption(.socketOption(.so_keepalive), value: 1)
        #if os(Linux)
        return
            bootstrap
            .channelOption(.tcpOption(.init(rawValue: TCP_KEEPIDLE)), value: .init(TCPLiveness.keepaliveInterval))
            .channelOption(.tcpOption(.init(rawValue: TCP_KEEPINTVL)), value: .init(TCPLiveness.keepaliveInterval))
            .channelOption(.tcpOption(.init(rawValue: TCP_KEEPCNT)), value: .init(TCPLiveness.maxKeepalives))
            .channelOption(.tcpOption(.init(rawValue: TCP_USER_TIMEOUT)), value: .init(TCPLiveness.userTimeout))
        #else
        return bootstrap
        #endif
    }
}
