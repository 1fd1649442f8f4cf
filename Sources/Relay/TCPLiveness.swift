import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Evidence from TCP that the peer's machine is alive: its kernel acknowledges data even while its programs are busy, and
/// stops when the machine loses power.
enum TCPLiveness {
    /// Idle time before the first keepalive probe, and the time between probes, in seconds (RFC 9293 §3.8.4).
    static let keepaliveInterval: CInt = 5
    static let maxKeepalives: CInt = 5
    /// Maximum time for which data may stay unacknowledged before the connection ends, in milliseconds (RFC 5482); equals the
    /// time that all keepalive probes take together.
    static let userTimeout: CInt = 30_000

    /// Whether the kernel ended the connection for lack of acknowledgements.
    static func isTimeout(_ error: any Error) -> Bool {
        guard let error = error as? IOError else { return false }
        return [ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN].contains(error.errnoCode)
    }

    /// When the peer last acknowledged or sent data; nil if the operating system does not report it.
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
    /// Makes the kernel end connections to a machine that has lost power or its network, after half a minute.
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
