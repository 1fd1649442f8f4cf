import NIOCore
import NIOWebSocket

/// Assembles frames into messages: the rules of RFC 6455 §5 that concern more than one frame. Pure.
struct FrameAssembly {
    enum Event: Hashable {
        case message(WebSocketMessage)
        case ping(ByteBuffer)
        case pong
        case close(code: Int?, reason: String)
        /// A fragment of a message that continues in the next frame.
        case fragment
    }

    private struct Fragments {
        var isText: Bool
        var bytes: ByteBuffer
        var count = 1
    }

    /// A server requires masked frames, a client unmasked ones (§5.1).
    private let expectsMasks: Bool
    private let maxMessage: Int
    private let maxFragments: Int
    private var fragments: Fragments?

    init(expectsMasks: Bool, maxMessage: Int, maxFragments: Int) {
        self.expectsMasks = expectsMasks
        self.maxMessage = maxMessage
        self.maxFragments = maxFragments
    }

    mutating func receive(_ frame: WebSocketFrame) throws(WebSocketFault) -> Event {
        guard (frame.maskKey != nil) == expectsMasks else {
            throw .protocolViolation(expectsMasks ? "a frame without a mask" : "a frame with a mask")
        }
        guard frame.reservedBits.isEmpty else { throw .protocolViolation("a reserved bit") }
        let bytes = frame.unmaskedData
        switch frame.opcode {
        case .ping: return .ping(bytes)
        case .pong: return .pong
        case .connectionClose: return try Self.close(bytes)
        case .text, .binary:
            guard fragments == nil else { throw .protocolViolation("a new message within another") }
            guard bytes.readableBytes <= maxMessage else { throw .tooLarge }
            let isText = frame.opcode == .text
            if frame.fin { return .message(try Self.message(bytes, isText: isText)) }
            fragments = Fragments(isText: isText, bytes: bytes)
            return .fragment
        case .continuation:
            guard var message = fragments else { throw .protocolViolation("a continuation without a message") }
            fragments = nil
            message.count += 1
            guard message.count <= maxFragments, message.bytes.readableBytes + bytes.readableBytes <= maxMessage
            else { throw .tooLarge }
            message.bytes.writeImmutableBuffer(bytes)
            if frame.fin { return .message(try Self.message(message.bytes, isText: message.isText)) }
            fragments = message
            return .fragment
        default: throw .protocolViolation("an unknown opcode")
        }
    }

    private static func message(_ bytes: ByteBuffer, isText: Bool) throws(WebSocketFault) -> WebSocketMessage {
        guard isText else { return .binary(bytes) }
        guard let text = String(validating: bytes.readableBytesView, as: UTF8.self) else { throw .invalidText }
        return .text(text)
    }

    /// Parses the payload of a close frame: empty, or a code and a reason in UTF-8 (§5.5.1).
    private static func close(_ bytes: ByteBuffer) throws(WebSocketFault) -> Event {
        var bytes = bytes
        if bytes.readableBytes == 0 { return .close(code: nil, reason: "") }
        guard let code = bytes.readInteger(as: UInt16.self), isAllowed(code) else {
            throw .protocolViolation("an invalid close code")
        }
        guard let reason = String(validating: bytes.readableBytesView, as: UTF8.self) else { throw .invalidText }
        return .close(code: Int(code), reason: reason)
    }

    /// Refuses reserved codes, and codes that must not appear in a frame (§7.4).
    private static func isAllowed(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
