import NIOCore
import NIOHTTP1
import Relay

/// Writes the data plane's responses as bytes directly to the writer of an HTTP/1 connection; they bypass the pipeline.
final class HTTP1ResponseOutput: ResponseOutput {
    /// How the current response is delimited (RFC 9112 §6).
    private enum Framing {
        /// By its length.
        case length
        case chunks
        /// By the end of the connection: HTTP/1.0 has no chunks.
        case connection
    }

    private let writer: CoalescingWriter
    /// The connection's handler, while it is in its pipeline.
    var connection: ClientConnection?
    private var framing = Framing.length

    init(_ writer: CoalescingWriter) {
        self.writer = writer
    }

    /// The writer; nil once nothing more may be written.
    private var openWriter: CoalescingWriter? {
        guard let connection, connection.isOpen else { return nil }
        return writer
    }

    func writeContinue(_ version: HTTPVersion) {
        openWriter?.write(HTTPResponseHead(version: version, status: .continue), isChunked: false)
        flush()
    }

    func write(_ head: HTTPResponseHead, document: ByteBuffer, promise: EventLoopPromise<Void>?) {
        framing = .length
        guard let openWriter else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        connection?.responseBegan(isLast: !head.connectionPersists)
        openWriter.write(head, isChunked: false)
        openWriter.write(document, promise: promise)
    }

    func write(streamHead head: HTTPResponseHead) {
        framing = head.version == .http1_1 ? .chunks : .connection
        guard let openWriter else { return }
        connection?.responseBegan(isLast: !head.connectionPersists)
        if framing == .connection { connection?.bodyBeganWithoutFraming() }
        openWriter.write(head, isChunked: framing == .chunks)
    }

    func write(piece: ByteBuffer) {
        switch framing {
        case .chunks: openWriter?.write(chunk: piece)
        case .length, .connection: openWriter?.write(piece, promise: nil)
        }
    }

    func writeEnd(isLast: Bool, promise: EventLoopPromise<Void>?) {
        guard let openWriter else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        switch framing {
        case .chunks:
            framing = .length
            openWriter.write(Self.lastChunk, promise: promise)
        case .length:
            if let promise { completeWhenSent(promise) }
        case .connection:
            framing = .length
            if let sent = connection?.bodyEndedWithoutFraming(promise) { completeWhenSent(sent) }
        }
        connection?.responseCompleted(isLast: isLast)
    }

    /// The last chunk (RFC 9112 §7.1).
    private static let lastChunk = ByteBuffer(string: "0\r\n\r\n")

    func completeWhenSent(_ promise: EventLoopPromise<Void>) {
        guard let openWriter else { return promise.fail(ChannelError.outputClosed) }
        // An empty write: its promise succeeds after all earlier bytes.
        openWriter.write(ByteBuffer(), promise: promise)
    }

    func flush() {
        writer.flush()
    }
}
