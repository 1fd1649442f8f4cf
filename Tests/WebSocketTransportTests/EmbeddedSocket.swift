import NIOCore
import NIOEmbedded
import NIOWebSocket
import SimpleAICore
import Testing

@testable import WebSocketTransport

/// Records the events that a receiver gets.
final class Notebook: WebSocketReceiver {
    private(set) var socket: WebSocket?
    private(set) var messages: [WebSocketMessage] = []
    private(set) var ends: [WebSocketEnd] = []

    func webSocketOpened(_ socket: WebSocket) { self.socket = socket }
    func webSocketReceived(_ message: WebSocketMessage) { messages.append(message) }
    func webSocketClosed(_ end: WebSocketEnd) { ends.append(end) }
}

/// One end of a WebSocket without a network, with a clock that the test controls: bytes in, bytes out.
struct EmbeddedSocket {
    let channel = EmbeddedChannel()
    let notebook = Notebook()
    let role: WebSocketHandler.Role

    init(_ role: WebSocketHandler.Role = .server, _ change: (inout WebSocketOptions) -> Void = { _ in }) throws {
        self.role = role
        var options = WebSocketOptions()
        change(&options)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        try channel.pipeline.syncOperations.addHandlers(
            WebSocketFrameEncoder(),
            ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: options.maxMessage.bytes)),
            WebSocketHandler(role, options: options, receiver: notebook))
    }

    var isOpen: Bool { channel.isActive }

    /// Receives a frame as the peer would write it.
    func receive(
        _ opcode: WebSocketOpcode, _ bytes: [UInt8] = [], fin: Bool = true, masked: Bool? = nil, reserved: UInt8 = 0
    ) throws {
        var buffer = ByteBuffer()
        buffer.writeInteger((fin ? 0x80 : 0) | reserved | UInt8(webSocketOpcode: opcode))
        let mask: UInt8 = masked ?? (role == .server) ? 0x80 : 0
        switch bytes.count {
        case ...125: buffer.writeInteger(mask | UInt8(bytes.count))
        case ...65_535:
            buffer.writeInteger(mask | 126)
            buffer.writeInteger(UInt16(bytes.count))
        default:
            buffer.writeInteger(mask | 127)
            buffer.writeInteger(UInt64(bytes.count))
        }
        let key: [UInt8] = [1, 2, 3, 4]
        if mask != 0 { buffer.writeBytes(key) }
        buffer.writeBytes(mask == 0 ? bytes : bytes.enumerated().map { $1 ^ key[$0 % 4] })
        try receive(raw: buffer)
    }

    func receive(raw buffer: ByteBuffer) throws {
        // Handlers in the pipeline handle a decoder's errors; one that reaches the end of the pipeline is a bug.
        try channel.writeInbound(buffer)
    }

    func receive(_ text: String, fin: Bool = true) throws { try receive(.text, Array(text.utf8), fin: fin) }

    func passTime(_ time: TimeAmount) { channel.embeddedEventLoop.advanceTime(by: time) }

    /// The frames written since the last call: the first byte, whether masked, and the bytes.
    func sent() throws -> [(opcode: UInt8, masked: Bool, bytes: [UInt8])] {
        var all = ByteBuffer()
        while var next = try channel.readOutbound(as: ByteBuffer.self) { all.writeBuffer(&next) }
        var frames: [(UInt8, Bool, [UInt8])] = []
        while let first = all.readInteger(as: UInt8.self), let second = all.readInteger(as: UInt8.self) {
            var length = Int(second & 0x7F)
            if length == 126 { length = all.readInteger(as: UInt16.self).map(Int.init) ?? 0 }
            if length == 127 { length = all.readInteger(as: UInt64.self).map(Int.init) ?? 0 }
            let key = second & 0x80 == 0 ? [0, 0, 0, 0] : all.readBytes(length: 4) ?? []
            guard key.count == 4, let bytes = all.readBytes(length: length) else { throw ChannelError.eof }
            frames.append((first & 0x0F, second & 0x80 != 0, bytes.enumerated().map { $1 ^ key[$0 % 4] }))
        }
        return frames
    }

    /// The code of the close frame that was sent; nil unless exactly one close frame with a code was sent.
    func sentCloseCode() throws -> Int? {
        let frames = try sent()
        guard frames.count == 1, frames[0].opcode == 8, frames[0].bytes.count >= 2 else { return nil }
        return Int(frames[0].bytes[0]) << 8 | Int(frames[0].bytes[1])
    }
}
