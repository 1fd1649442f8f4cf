import NIOCore
import NIOPosix
import SimpleAICore

/// Requests a magic packet from a relay on the machine's network: sends the line `MAC BROADCAST` over TCP and closes
/// the connection. For gateways in containers, which cannot broadcast.
struct WakeRelay: Sendable {
    let group: any EventLoopGroup
    var deadline = AttemptDeadline(limit: .seconds(5))

    func send(_ request: WakeRelayRequest) async throws(PowerError) {
        do {
            let eventLoop = group.next()
            try await deadline.attempt(on: eventLoop) { (sent: EventLoopPromise<Void>) in
                ClientBootstrap(group: eventLoop)
                    .connectTimeout(deadline.limit)
                    .connect(host: request.host, port: request.port)
                    .map { channel in
                        let line = ByteBuffer(string: "\(request.mac) \(request.broadcast)\n")
                        channel.writeAndFlush(line).whenComplete { written in
                            // After the close, so that no descriptor outlives the call.
                            channel.close().whenComplete { _ in sent.completeWith(written) }
                        }
                        return channel
                    }
            }.get()
        } catch {
            throw .failed(address: "\(request.host):\(request.port)", reason: AttemptDeadline.reason(error))
        }
    }
}
