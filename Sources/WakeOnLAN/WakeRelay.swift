import NIOCore
import NIOPosix
import NetworkErrors
import SimpleAICore

/// Requests a magic packet from a relay on the machine's network: sends the line `MAC BROADCAST` over TCP and closes
/// the connection. For gateways in containers, which cannot broadcast.
struct WakeRelay: Sendable {
    /// Timeout of the connection attempt.
    static let timeout: TimeAmount = .seconds(5)

    let group: any EventLoopGroup

    func send(_ request: WakeRelayRequest) async throws(WakeSendError) {
        do {
            let channel = try await ClientBootstrap(group: group)
                .connectTimeout(Self.timeout)
                .connect(host: request.host, port: request.port)
                .get()
            let written = channel.eventLoop.makePromise(of: Void.self)
            channel.writeAndFlush(
                channel.allocator.buffer(string: "\(request.mac) \(request.broadcast)\n"), promise: written)
            written.futureResult.whenComplete { _ in channel.close(promise: nil) }
            // Awaited, so that no descriptor outlives the call.
            try await channel.closeFuture.get()
            try await written.futureResult.get()
        } catch {
            throw .failed(address: "\(request.host):\(request.port)", reason: NetworkErrorText.of(error))
        }
    }
}
