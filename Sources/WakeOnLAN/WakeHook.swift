import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import OutgoingTLS
import SimpleAICore

/// Calls a web hook: one request without a body. Only the status of the response is read.
struct WakeHook: Sendable {
    let group: any EventLoopGroup
    var deadline = AttemptDeadline(limit: .seconds(10))

    func call(_ request: PowerHookRequest) async throws(PowerError) {
        guard let url = URLComponents(string: request.url), let host = url.encodedHost, !host.isEmpty else {
            throw .invalidRequest(reason: "its webhook is not a URL")
        }
        let status: Int
        do {
            status = try await exchange(request.method, url, host: host)
        } catch {
            let reason =
                error is NoResponse ? "it closed the connection without a response" : AttemptDeadline.reason(error)
            throw .failed(address: request.host, reason: reason)
        }
        guard (200...299).contains(status) else {
            throw .failed(address: request.host, reason: "its webhook returned status \(status)")
        }
    }

    private func exchange(_ method: String, _ url: URLComponents, host: String) async throws -> Int {
        let isSecure = url.scheme?.lowercased() == "https"
        let name = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        let tls = isSecure ? try NIOSSLContext(configuration: OutgoingTLS.configuration()) : nil
        let path = url.percentEncodedPath.isEmpty ? "/" : url.percentEncodedPath
        let head = HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: method),
            uri: url.percentEncodedQuery.map { "\(path)?\($0)" } ?? path,
            headers: [
                "Host": url.port.map { "\(host):\($0)" } ?? host, "Connection": "close", "Content-Length": "0",
                "User-Agent": "simpleai",
            ])
        let eventLoop = group.next()
        return try await deadline.attempt(on: eventLoop) { statusReceived in
            ClientBootstrap(group: eventLoop)
                .connectTimeout(deadline.limit)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        if let tls {
                            let isAddress = (try? SocketAddress(ipAddress: name, port: 0)) != nil
                            try pipeline.addHandler(
                                NIOSSLClientHandler(context: tls, serverHostname: isAddress ? nil : name))
                        }
                        try pipeline.addHTTPClientHandlers()
                        try pipeline.addHandler(StatusReader(head, statusReceived))
                    }
                }
                .connect(host: name, port: url.port ?? (isSecure ? 443 : 80))
        }.get()
    }

    private struct NoResponse: Error {}

    /// Sends the request once the connection is established, and records the status of the response.
    private final class StatusReader: ChannelInboundHandler {
        typealias InboundIn = HTTPClientResponsePart
        typealias OutboundOut = HTTPClientRequestPart

        private let head: HTTPRequestHead
        private let statusReceived: EventLoopPromise<Int>

        init(_ head: HTTPRequestHead, _ statusReceived: EventLoopPromise<Int>) {
            self.head = head
            self.statusReceived = statusReceived
        }

        func channelActive(context: ChannelHandlerContext) {
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            context.fireChannelActive()
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard case .head(let head) = unwrapInboundIn(data) else { return }
            statusReceived.succeed(Int(head.status.code))
            context.close(promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) {
            statusReceived.fail(NoResponse())
            context.fireChannelInactive()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            statusReceived.fail(error)
            context.close(promise: nil)
        }
    }
}
