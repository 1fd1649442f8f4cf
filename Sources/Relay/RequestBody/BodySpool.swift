public import Dialects
public import NIOCore
import OperatingSystem
public import SimpleAICore

/// A request body that is stored completely before it is sent: a short one in memory, a long one in an unnamed file. It may
/// be sent several times, also to different runners. Used on one event loop only.
///
/// The shell around `SpoolState`: it performs the state's actions and reports events to it. `release`, an error, or the last
/// reference close the file and return all reserved bytes.
public final class BodySpool {
    public enum Event: Hashable, Sendable {
        /// Read from the client again, after `append` returned false.
        case wantsMore
        /// The body is stored completely; follows `finish` if that returned false.
        case complete
        case failed(GatewayError)
    }

    private let files: SpoolFiles
    private let memory: BufferShare
    private let disk: BufferShare
    private let eventLoop: any EventLoop
    private var state: SpoolState
    private var onEvent: ((Event) -> Void)?
    /// The body, if it is stored in memory.
    private var bytes = ByteBuffer()
    /// Bytes that wait to be written; joined, because a client may send many tiny pieces.
    private var queue = ByteBuffer()
    private var file: UnnamedFile?
    private var writtenBytes = 0
    private var failure: GatewayError?
    /// Whether `append` reports failures.
    private var isAppending = false
    /// Number of bytes that are reserved of `memory` and of `disk`.
    private var (reservedMemory, reservedDisk) = (0, 0)

    /// - Parameters:
    ///   - caller: whose share of the disk space is used.
    ///   - memory: the call's share of the buffer memory, for the bytes that are not on disk.
    ///   - expectedLength: the value of Content-Length; nil if the client states none.
    ///   - onEvent: called on the event loop, until `release`, and never during a call of `append` or `finish`.
    public convenience init(
        in files: SpoolFiles, for caller: CallerID, memory: BufferShare, expectedLength: Int?,
        on eventLoop: any EventLoop, onEvent: @escaping (Event) -> Void
    ) {
        self.init(
            in: files, for: caller, memory: memory, SpoolState(expectedLength: expectedLength), on: eventLoop,
            onEvent: onEvent)
    }

    init(
        in files: SpoolFiles, for caller: CallerID, memory: BufferShare, _ state: SpoolState,
        on eventLoop: any EventLoop, onEvent: @escaping (Event) -> Void
    ) {
        self.files = files
        self.memory = memory
        self.state = state
        self.eventLoop = eventLoop
        self.onEvent = onEvent
        disk = files.budget.share(for: caller, from: nil)
    }

    deinit { close() }

    /// Number of bytes received.
    public var length: Int { state.length }

    // MARK: Storing

    /// Stores the next piece.
    /// - Returns: whether to read on from the client; if not, `wantsMore` or `failed` follows.
    /// - Throws: `queueFull` or `rateLimitExceeded` if too many bytes are stored already, and an earlier failure.
    public func append(_ piece: ByteBuffer) throws(GatewayError) -> Bool {
        eventLoop.assertInEventLoop()
        if let failure { throw failure }
        guard piece.readableBytes > 0 else { return state.wantsMore }
        try reserve(piece.readableBytes)
        isAppending = true
        perform(state.pieceReceived(piece.readableBytes), piece)
        isAppending = false
        if let failure { throw failure }
        return state.wantsMore
    }

    /// The client has sent the whole body.
    /// - Returns: whether it is stored completely; if not, `complete` or `failed` follows.
    public func finish() throws(GatewayError) -> Bool {
        eventLoop.assertInEventLoop()
        if let failure { throw failure }
        // The only action is to report the completion, which the result does.
        return state.bodyReceived().contains(.complete) || state.phase == .complete
    }

    private func reserve(_ count: Int) throws(GatewayError) {
        let forFile = state.bytesForFile(count)
        if let refusal = memory.reserve(count).memoryRefusal(for: "request bodies") { throw refused(refusal) }
        reservedMemory += count
        guard forFile > 0 else { return }
        if let refusal = disk.reserve(forFile).spoolRefusal { throw refused(refusal) }
        reservedDisk += forFile
    }

    private func refused(_ error: GatewayError) -> GatewayError {
        failure = error
        perform(state.spaceRefused())
        return error
    }

    private func perform(_ actions: [SpoolState.Action], _ piece: ByteBuffer = ByteBuffer()) {
        for action in actions {
            switch action {
            case .keep: bytes.writeImmutableBuffer(piece)
            case .moveToQueue:
                queue = bytes
                bytes = ByteBuffer()
            case .enqueue: queue.writeImmutableBuffer(piece)
            case .write: writeQueue()
            case .resume: onEvent?(.wantsMore)
            case .complete: onEvent?(.complete)
            case .fail: if let failure, !isAppending { onEvent?(.failed(failure)) }
            case .close: close()
            }
        }
    }

    private func writeQueue() {
        let (bytes, offset, directory) = (queue, writtenBytes, files.directory)
        queue = ByteBuffer()
        let count = state.bytesBeingWritten
        files.run(on: eventLoop) { [file] in Self.write(bytes, to: file, in: directory, at: offset) }
            .assumeIsolated().whenComplete { [self] result in
                switch result {
                case .success(let file): written(count, to: file)
                case .failure(let error):
                    failure = failure ?? files.error(error)
                    perform(state.writeFailed())
                }
            }
    }

    /// - Parameter file: nil to create it.
    private static func write(
        _ bytes: ByteBuffer, to file: UnnamedFile?, in directory: String, at offset: Int
    ) -> Result<UnnamedFile, SystemError> {
        do throws(SystemError) {
            let file = if let file { file } else { try UnnamedFile(in: directory) }
            let result: Result<Void, SystemError> = bytes.withUnsafeReadableBytes { bytes in
                do throws(SystemError) {
                    return .success(try file.write(bytes, at: offset))
                } catch {
                    return .failure(error)
                }
            }
            return result.map { file }
        } catch {
            return .failure(error)
        }
    }

    private func written(_ count: Int, to file: UnnamedFile) {
        guard state.phase == .receiving || state.phase == .finishing else {
            // Released or refused meanwhile; the first write creates the file.
            return files.close(file, returning: 0, to: nil)
        }
        self.file = file
        writtenBytes += count
        memory.release(count)
        reservedMemory -= count
        perform(state.writeSucceeded())
    }

    // MARK: Sending

    /// Delivers the body, from its first byte.
    /// - Parameter rewrite: replaces the model's name; `MultipartRewrite(length:)` replaces nothing.
    /// - Precondition: the body is stored completely; otherwise the source fails.
    public func reader(rewriting rewrite: MultipartRewrite) -> any BodySource {
        SpoolReader(of: self, rewriting: rewrite, on: eventLoop)
    }

    enum Read {
        case bytes(ByteBuffer)
        case reading
        case failed(String)
    }

    /// Reads bytes of the complete body.
    /// - Parameter completion: called on the event loop if the result is `reading`.
    func read(_ range: Range<Int>, _ completion: @escaping (Result<ByteBuffer, any Error>) -> Void) -> Read {
        guard state.phase == .complete, range.upperBound <= length else {
            return .failed("the request body is not stored")
        }
        guard let file else {
            let slice = bytes.getSlice(at: bytes.readerIndex + range.lowerBound, length: range.count)
            return slice.map(Read.bytes) ?? .failed("the request body is not stored")
        }
        files.run(on: eventLoop) { Self.read(range, of: file) }.assumeIsolated().whenComplete(completion)
        return .reading
    }

    private static func read(_ range: Range<Int>, of file: UnnamedFile) -> Result<ByteBuffer, SystemError> {
        var buffer = ByteBufferAllocator().buffer(capacity: range.count)
        var failure: SystemError?
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: range.count) { bytes in
            do throws(SystemError) {
                try file.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<range.count]), at: range.lowerBound)
                return range.count
            } catch {
                failure = error
                return 0
            }
        }
        return failure.map(Result.failure) ?? .success(buffer)
    }

    /// The reason why the body cannot be read, for operators.
    func reason(of error: any Error) -> String { files.error(error).cause ?? "" }

    // MARK: The end

    /// Leaves the body to its readers: it is dropped with the last reference, which each of them holds until it has
    /// delivered everything, or is cancelled. Reports no further event.
    public func releaseToReaders() { onEvent = nil }

    /// Drops the body, and closes its file. Later pieces are dropped, and readers fail.
    public func release() {
        onEvent = nil
        perform(state.released())
    }

    private func close() {
        memory.release(reservedMemory)
        files.close(file, returning: reservedDisk, to: disk)
        (reservedMemory, reservedDisk) = (0, 0)
        (bytes, queue, file) = (ByteBuffer(), ByteBuffer(), nil)
    }
}
