public import NIOCore
public import NIOHTTP1
import NIOPosix
public import NIOSSL
import NetworkErrors
import OutgoingTLS

/// Opens WebSocket connections.
public enum WebSocketClient {
    /// - Parameters:
    ///   - headers: additional header fields of the opening request.
    ///   - tls: for `wss`; nil verifies certificates as `OutgoingTLS` does.
    /// - Throws: `WebSocketConnectError`.
    public static func connect(
        to address: WebSocketAddress, headers: HTTPHeaders = [:], tls: NIOSSLContext? = nil,
        options: WebSocketOptions = .init(), on group: any EventLoopGroup
    ) async throws(WebSocketConnectError) -> WebSocketConnection {
        do {
            let tls = address.isSecure ? try tls ?? NIOSSLContext(configuration: OutgoingTLS.configuration()) : nil
            let opening = try await ClientBootstrap(group: group)
                .connectTimeout(TimeAmount(options.connectTimeout))
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .connect(host: address.host, port: address.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        if let tls { try channel.pipeline.syncOperations.addHandler(tlsHandler(tls, address.host)) }
                        return try ClientHandshake(address: address, headers: headers, options: options)
                            .begin(on: channel)
                    }
                }
            return try await opening.get()
        } catch let error as WebSocketConnectError {
            throw error
        } catch {
            throw .unreachable(NetworkErrorText.of(error))
        }
    }

    /// Certificates are verified against host names; a literal IP address must not be sent in the TLS server name.
    private static func tlsHandler(_ tls: NIOSSLContext, _ host: String) throws -> NIOSSLClientHandler {
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        return try NIOSSLClientHandler(context: tls, serverHostname: isAddress ? nil : host)
    }
}

/// Why a connection could not be opened.
public enum WebSocketConnectError: Error, Hashable, Sendable {
    /// No connection, or no TLS; the reason is for operators.
    case unreachable(String)
    /// The server responded with this status instead of switching protocols.
    case refused(status: Int)
    /// The peer is not a WebSocket server, or did not respond in time.
    case noHandshake
}

extension WebSocketConnectError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unreachable(let reason): "it cannot be reached: \(reason)"
        case .refused(let status): "it returned status \(status) instead of a WebSocket upgrade"
        case .noHandshake: "it is not a WebSocket server"
        }
    }
}
