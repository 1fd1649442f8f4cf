import NIOCore

/// The writes of an HTTP/2 stream's response: holds the latest piece until the next one or a flush, and selects the writes
/// whose completion is observed, because the stream does not report how many written bytes have been sent.
struct StreamWrites {
    /// A piece that is forwarded, and whether to observe its completion.
    struct Write {
        var bytes: ByteBuffer
        var promise: EventLoopPromise<Void>?
        var isObserved: Bool
    }

    /// In bytes: the amount of a response that the client has to receive within the idle timeout, and the maximum size of
    /// one write.
    static let maxWriteSize = 16 << 10

    private var held: (bytes: ByteBuffer, promise: EventLoopPromise<Void>?)?
    /// Number of bytes forwarded since the last observed write.
    private var unobservedBytes = 0

    /// A piece was written; the one held before must have been forwarded.
    mutating func hold(_ bytes: ByteBuffer, _ promise: EventLoopPromise<Void>?) {
        held = (bytes, promise)
    }

    /// An empty piece was written, which asks whether all earlier bytes have been sent. A frame for it would look like an
    /// attack: clients close connections on which they receive empty frames (CVE-2019-9518).
    /// - Returns: whether no piece is held, so that its promise succeeds now.
    mutating func emptyPieceWritten(_ promise: EventLoopPromise<Void>?) -> Bool {
        guard held != nil else { return true }
        held?.promise.setOrCascade(to: promise)
        return false
    }

    /// The next write of the held piece; nil once it is forwarded completely.
    mutating func next() -> Write? {
        if let piece = held?.bytes.readFullPiece() { return Write(bytes: piece, promise: nil, isObserved: true) }
        guard let (bytes, promise) = held.take() else { return nil }
        unobservedBytes += bytes.readableBytes
        let isObserved = unobservedBytes >= Self.maxWriteSize
        if isObserved { unobservedBytes = 0 }
        return Write(bytes: bytes, promise: promise, isObserved: isObserved)
    }

    /// The stream has ended.
    /// - Returns: the promise of the piece that is dropped.
    mutating func streamEnded() -> EventLoopPromise<Void>? {
        defer { held = nil }
        return held?.promise
    }
}

extension ByteBuffer {
    /// Removes one piece of maximum size; nil if no more than that remains.
    fileprivate mutating func readFullPiece() -> ByteBuffer? {
        readableBytes > StreamWrites.maxWriteSize ? readSlice(length: StreamWrites.maxWriteSize) : nil
    }
}
