import NIOCore
import NIOPosix

/// A client that sends the given bytes and can disconnect at any time.
struct RawClient: Sendable {
    private let socket: NIOAsyncChannel<ByteBuffer, ByteBuffer>

    private static func connect(to port: Int) async throws -> RawClient {
        let socket = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return RawClient(socket: socket)
    }

    /// Connects, runs `body` and closes the connection.
    static func with<Result: Sendable>(
        _ port: Int, _ body: @escaping @Sendable (inout Conversation) async throws -> Result
    ) async throws -> Result {
        let client = try await connect(to: port)
        return try await client.socket.executeThenClose { inbound, outbound in
            var conversation = Conversation(replies: inbound.makeAsyncIterator(), outbound: outbound)
            return try await body(&conversation)
        }
    }

    struct Conversation {
        var replies: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
        let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
        var seen = ""

        func send(_ text: String) async throws {
            try await outbound.write(ByteBuffer(string: text))
        }

        /// All bytes read so far, as soon as they contain `text`; or up to the end of the connection.
        mutating func read(until text: String) async throws -> String {
            while !seen.contains(text), let buffer = try await replies.next() {
                seen += String(buffer: buffer)
            }
            return seen
        }
    }

    static func chat(_ body: String, path: String = "/v1/chat/completions") -> String {
        "POST \(path) HTTP/1.1\r\nHost: engine\r\nContent-Type: application/json\r\nX-Trace: 7\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }
}
