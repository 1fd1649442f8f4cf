public import NIOCore

/// A request body, or the rest of one, that is delivered in pieces on demand. Used on one event loop only.
public protocol BodySource: AnyObject {
    /// Number of bytes that it delivers in all.
    var length: Int { get }
    /// Called once a piece is available, or reading has failed, after `next` returned `pending`.
    var onReady: (() -> Void)? { get set }

    func next() -> BodyPiece

    /// No further piece is needed; `onReady` is not called any more.
    func cancel()
}

public enum BodyPiece: Hashable, Sendable {
    /// At least one byte.
    case bytes(ByteBuffer)
    /// The next piece is being read; `onReady` reports it.
    case pending
    /// The rest of the body cannot be read, for the reason given; for operators only.
    case failed(String)
}
