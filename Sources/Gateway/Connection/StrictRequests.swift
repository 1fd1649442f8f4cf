import NIOCore
import NIOHTTP1

/// Stands before the HTTP decoder and lets only well-formed requests through, whole heads at a time.
///
/// The decoder is built to understand as many clients as it can; this gateway has to read every request exactly as the
/// proxy in front of it does. What is refused becomes a parser error, which is answered in its turn by `ProtocolErrors`.
final class StrictRequests: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// As long as `Upgrade`; like every `Proxy-…` field it goes no further than this gateway.
    static let nobodysField = "Proxy-U"

    private var framing: RequestFraming
    /// The beginning of a line or of a head, whose end has not come yet.
    private var held: ByteBuffer?
    private var hasFailed = false

    init(maxHead: Int) {
        framing = RequestFraming(maxHead: maxHead)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasFailed else { return }
        var bytes = unwrapInboundIn(data)
        if var before = held {
            held = nil
            before.writeBuffer(&bytes)
            bytes = before
        }
        let progress = bytes.withUnsafeReadableBytes { framing.advance(over: $0) }
        for offset in progress.upgrades { bytes.setString(Self.nobodysField, at: bytes.readerIndex + offset) }
        if let violation = progress.violation {
            hasFailed = true
            if let whole = bytes.readSlice(length: progress.passable), whole.readableBytes > 0 {
                context.fireChannelRead(wrapInboundOut(whole))
            }
            context.fireErrorCaught(violation.parserError)
        } else if progress.passable == bytes.readableBytes {
            context.fireChannelRead(wrapInboundOut(bytes))
        } else {
            let passed = bytes.readSlice(length: progress.passable)
            held = bytes
            if let passed, passed.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(passed)) }
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The decoder does not know of what is held here.
        if case ChannelEvent.inputClosed = event, held != nil, !hasFailed {
            hasFailed = true
            held = nil
            context.fireErrorCaught(HTTPParserError.invalidEOFState)
        }
        context.fireUserInboundEventTriggered(event)
    }
}

extension RequestFraming.Violation {
    /// The pipeline handler keeps the order of requests and parser errors, and of no other errors.
    var parserError: HTTPParserError {
        switch self {
        case .tooLarge: .headerOverflow
        case .requestLine: .invalidURL
        case .field, .trailer, .host: .invalidHeaderToken
        case .length: .unexpectedContentLength
        case .chunk: .invalidChunkSize
        }
    }
}
