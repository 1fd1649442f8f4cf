import NIOCore
import Relay

/// The rest of a request body while it arrives from the gateway: it is sent to the engine as fast as the engine takes it, and
/// the gateway's connection is read only while little of it is waiting. Used on one event loop.
final class IncomingBody: BodySource {
    /// In bytes: with this much waiting, the gateway's connection is not read.
    static let maxWaiting = 256 << 10

    let length: Int
    var onReady: (() -> Void)?
    /// Called when `wantsBytes` changes from false to true.
    var onDrained: (() -> Void)?
    private var waiting = CircularBuffer<ByteBuffer>()
    private var waitingBytes = 0
    private var receivedBytes = 0
    private var isCancelled = false

    /// - Parameter length: number of bytes that will arrive.
    init(length: Int) { self.length = length }

    /// Whether more bytes may be read from the gateway.
    var wantsBytes: Bool { waitingBytes < Self.maxWaiting }

    /// Whether all bytes have arrived.
    var isComplete: Bool { receivedBytes == length }

    func receive(_ bytes: ByteBuffer) {
        receivedBytes += bytes.readableBytes
        guard !isCancelled, bytes.readableBytes > 0 else { return }
        waiting.append(bytes)
        waitingBytes += bytes.readableBytes
        onReady?()
    }

    func next() -> BodyPiece {
        guard let piece = waiting.popFirst() else { return .pending }
        let wasFull = !wantsBytes
        waitingBytes -= piece.readableBytes
        if wasFull, wantsBytes { onDrained?() }
        return .bytes(piece)
    }

    /// The engine needs no more: bytes that still arrive are dropped.
    func cancel() {
        isCancelled = true
        onReady = nil
        waiting.removeAll()
        waitingBytes = 0
        onDrained?()
    }
}
