import Foundation
import Logging
import NIOCore
import NIOExtras
import NIOHTTP1
import NIOPosix
import Relay
import SimpleAICore
import Synchronization

/// The agent's HTTP server, which receives the gateway's calls.
final class CallServer: Sendable {
    let port: Int
    private let listener: any Channel
    private let quiescing: ServerQuiescingHelper
    private let services: CallServices

    /// Idle connections are closed after this time: a gateway that loses power or network does not close them.
    private static let idleTimeout: TimeAmount = .seconds(180)

    private init(listener: any Channel, quiescing: ServerQuiescingHelper, services: CallServices) {
        self.listener = listener
        self.quiescing = quiescing
        self.services = services
        port = listener.localAddress?.port ?? 0
    }

    /// - Throws: `RunnerAgentStartError` if the address cannot be bound.
    static func listen(
        on host: String, port: Int, services: CallServices, group: any EventLoopGroup
    ) async throws -> CallServer {
        let quiescing = ServerQuiescingHelper(group: group)
        do {
            let listener = try await ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 256)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            AcceptErrorHandler { services.log($0) })
                        try channel.pipeline.syncOperations.addHandler(
                            quiescing.makeServerChannelHandler(channel: channel))
                    }
                }
                .childChannelOption(.socketOption(.so_keepalive), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelInitializer { channel in
                    let peer = Peer(IPAddress(channel.remoteAddress))
                    guard services.beginConnection(from: peer) else {
                        return channel.eventLoop.makeFailedFuture(ChannelError.eof)
                    }
                    channel.closeFuture.whenComplete { _ in services.endConnection(from: peer) }
                    return channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandlers(
                            CoalescingWriter(services.pools.pool(on: channel.eventLoop).flusher, nextTo: .socket),
                            HTTPResponseEncoder(),
                            ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)),
                            IdleStateHandler(allTimeout: idleTimeout),
                            CallHandler(services))
                    }
                }
                .bind(host: host, port: port).get()
            return CallServer(listener: listener, quiescing: quiescing, services: services)
        } catch let error as IOError {
            throw RunnerAgentStartError(explanation(of: error, host, port))
        }
    }

    /// Refuses new calls; calls in progress may finish until the deadline. Returns when the last connection has closed.
    func end(by deadline: NIODeadline) async {
        services.shutdownDeadline.withLock { $0 = deadline }
        let promise = listener.eventLoop.makePromise(of: Void.self)
        quiescing.initiateShutdown(promise: promise)
        // Fails only if there is nothing left to shut down.
        try? await promise.futureResult.get()
        services.pools.closeIdle()
    }

    private static func explanation(of error: IOError, _ host: String, _ port: Int) -> String {
        switch error.errnoCode {
        case EADDRINUSE: "\(host):\(port) is in use by another process; stop it, or choose another listen.port"
        case EACCES:
            "\(host):\(port) requires privileges this user lacks; choose a listen.port above 1023, or grant CAP_NET_BIND_SERVICE"
        case EADDRNOTAVAIL: "\(host) is not an address of this machine; correct listen.host"
        default: "\(host):\(port) cannot be bound: \(String(cString: strerror(error.errnoCode)))"
        }
    }
}
