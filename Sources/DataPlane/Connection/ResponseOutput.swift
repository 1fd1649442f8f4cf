import NIOCore
import NIOHTTP1

/// Where the responses of a connection or stream are written. An HTTP/1 connection and an HTTP/2 stream frame them
/// differently; callers need not know which one it is.
protocol ResponseOutput {
    /// Writes the interim response that a client with `Expect: 100-continue` waits for, and flushes it.
    func writeContinue(_ version: HTTPVersion)

    /// Writes a response of known length, except for its end.
    /// - Parameter promise: succeeds when the body has been sent.
    func write(_ head: HTTPResponseHead, document: ByteBuffer, promise: EventLoopPromise<Void>?)

    /// Writes the head of a response whose length is not known yet.
    func write(streamHead head: HTTPResponseHead)

    /// Writes a piece of a response that began with `write(streamHead:)`.
    func write(piece: ByteBuffer)

    /// Writes the end of the response.
    /// - Parameters:
    ///   - isLast: whether the connection closes after it, whatever its head states.
    ///   - promise: succeeds when the response has been sent.
    func writeEnd(isLast: Bool, promise: EventLoopPromise<Void>?)

    /// Completes the promise when everything written so far has been sent.
    func completeWhenSent(_ promise: EventLoopPromise<Void>)

    func flush()
}

/// The two implementations of `ResponseOutput`, as an enumeration: a stream writes every event through it, and an
/// existential would cost an indirect call each time.
enum ClientOutput: ResponseOutput {
    case http1(HTTP1ResponseOutput)
    case http2(HTTP2ResponseOutput)

    /// Reports the handler that writes through this output; nil once it is removed.
    func handlerChanged(to context: ChannelHandlerContext?) {
        if case .http2(let output) = self { output.context = context }
    }

    func writeContinue(_ version: HTTPVersion) {
        switch self {
        case .http1(let output): output.writeContinue(version)
        case .http2(let output): output.writeContinue(version)
        }
    }

    func write(_ head: HTTPResponseHead, document: ByteBuffer, promise: EventLoopPromise<Void>?) {
        switch self {
        case .http1(let output): output.write(head, document: document, promise: promise)
        case .http2(let output): output.write(head, document: document, promise: promise)
        }
    }

    func write(streamHead head: HTTPResponseHead) {
        switch self {
        case .http1(let output): output.write(streamHead: head)
        case .http2(let output): output.write(streamHead: head)
        }
    }

    func write(piece: ByteBuffer) {
        switch self {
        case .http1(let output): output.write(piece: piece)
        case .http2(let output): output.write(piece: piece)
        }
    }

    func writeEnd(isLast: Bool, promise: EventLoopPromise<Void>?) {
        switch self {
        case .http1(let output): output.writeEnd(isLast: isLast, promise: promise)
        case .http2(let output): output.writeEnd(isLast: isLast, promise: promise)
        }
    }

    func completeWhenSent(_ promise: EventLoopPromise<Void>) {
        switch self {
        case .http1(let output): output.completeWhenSent(promise)
        case .http2(let output): output.completeWhenSent(promise)
        }
    }

    func flush() {
        switch self {
        case .http1(let output): output.flush()
        case .http2(let output): output.flush()
        }
    }
}
