import Dialects
import NIOCore

/// Delivers a stored body in pieces, with the model's name replaced. Reads one piece ahead of the socket.
final class SpoolReader: BodySource {
    /// In bytes of the stored body.
    static let pieceLength = 64 << 10

    let length: Int
    var onReady: (() -> Void)?
    private let rewrite: MultipartRewrite
    /// Nil once no further piece is needed.
    private var spool: BodySpool?
    private var position = 0
    /// Pieces that were read and not delivered.
    private var ready = CircularBuffer<ByteBuffer>()
    private var isReading = false
    private var failure: String?

    init(of spool: BodySpool, rewriting rewrite: MultipartRewrite, on eventLoop: any EventLoop) {
        self.spool = spool
        self.rewrite = rewrite
        length = rewrite.contentLength
        if rewrite.originalLength != spool.length { failure = "the request body has another length" }
    }

    func next() -> BodyPiece {
        if ready.isEmpty { read() }
        guard let piece = ready.popFirst() else { return failure.map(BodyPiece.failed) ?? .pending }
        if ready.isEmpty { read() }
        return .bytes(piece)
    }

    func cancel() {
        onReady = nil
        spool = nil
        ready.removeAll()
        failure = failure ?? "the request body is not needed any more"
    }

    /// Reads until a piece is ready, or being read.
    private func read() {
        while ready.isEmpty, !isReading, failure == nil, position < rewrite.originalLength, let spool {
            let range = position..<min(position + Self.pieceLength, rewrite.originalLength)
            position = range.upperBound
            switch spool.read(range, { [self] result in received(result, range) }) {
            case .bytes(let bytes): add(bytes, range)
            case .reading: isReading = true
            case .failed(let reason): failure = reason
            }
        }
    }

    private func received(_ result: Result<ByteBuffer, any Error>, _ range: Range<Int>) {
        isReading = false
        guard let spool else { return }
        switch result {
        case .success(let bytes): add(bytes, range)
        case .failure(let error): failure = failure ?? spool.reason(of: error)
        }
        onReady?()
    }

    private func add(_ bytes: ByteBuffer, _ range: Range<Int>) {
        for segment in rewrite.segments(of: range) {
            switch segment {
            case .replacement(let text): if !text.isEmpty { ready.append(ByteBuffer(bytes: text)) }
            case .original(let part):
                let start = bytes.readerIndex + part.lowerBound - range.lowerBound
                if let slice = bytes.getSlice(at: start, length: part.count) { ready.append(slice) }
            }
        }
    }
}
