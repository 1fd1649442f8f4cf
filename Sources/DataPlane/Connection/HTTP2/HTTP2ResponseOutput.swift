import NIOCore
import NIOHTTP1
import Relay

/// Writes the data plane's responses as parts through the pipeline of an HTTP/2 stream, which turns them into frames.
final class HTTP2ResponseOutput: ResponseOutput {
    /// The data plane's handler in the stream, while it is in its pipeline.
    var context: ChannelHandlerContext?

    func writeContinue(_ version: HTTPVersion) {
        write(.head(HTTPResponseHead(version: version, status: .continue)))
        flush()
    }

    func write(_ head: HTTPResponseHead, document: ByteBuffer, promise: EventLoopPromise<Void>?) {
        write(streamHead: head)
        // A frame without data would look like an attack (CVE-2019-9518).
        guard document.readableBytes > 0 || promise != nil else { return }
        write(.body(.byteBuffer(document)), promise)
    }

    func write(streamHead head: HTTPResponseHead) {
        write(.head(head.neutralized))
    }

    func write(piece: ByteBuffer) {
        write(.body(.byteBuffer(piece)))
    }

    func writeEnd(isLast: Bool, promise: EventLoopPromise<Void>?) {
        write(.end(nil), promise)
    }

    func completeWhenSent(_ promise: EventLoopPromise<Void>) {
        // An empty write: its promise succeeds after all earlier bytes.
        write(.body(.byteBuffer(ByteBuffer())), promise)
    }

    func flush() {
        context?.flush()
    }

    private func write(_ part: HTTPServerResponsePart, _ promise: EventLoopPromise<Void>? = nil) {
        guard let context else {
            promise?.fail(ChannelError.alreadyClosed)
            return
        }
        context.write(NIOAny(part), promise: promise)
    }
}
