/// The state machine of a request body that is stored in memory or, if it is long, in a file: where pieces go, when they are
/// written, and when the client must wait.
///
/// Events in (past tense), actions out. No I/O; `BodySpool` is the shell.
///
/// Invariants: at most one write is in progress; the file contains the whole body from its first byte, in order; after
/// `close` there is no other action.
struct SpoolState {
    struct Limits: Hashable {
        /// In bytes: a longer body is stored in a file.
        var maxInMemory = 1 << 20
        /// In bytes: the client must wait while this many wait to be written.
        var maxPending = 256 << 10
    }

    enum Action: Equatable {
        /// Keep the piece in memory.
        case keep
        /// Move the bytes in memory to the write queue.
        case moveToQueue
        /// Add the piece to the write queue.
        case enqueue
        /// Write everything in the queue.
        case write
        /// Read from the client again.
        case resume
        /// Report that the body is stored completely.
        case complete
        /// Report that it cannot be stored.
        case fail
        /// Drop everything, and close the file.
        case close
    }

    enum Phase: Equatable {
        case receiving
        /// All pieces were received; some are not written yet.
        case finishing
        case complete
        case failed
        case released
    }

    private let limits: Limits
    private(set) var phase = Phase.receiving
    private(set) var usesFile: Bool
    /// Number of bytes received.
    private(set) var length = 0
    private var queuedBytes = 0
    private(set) var bytesBeingWritten = 0
    /// Whether reading from the client is paused.
    private var isPaused = false

    /// - Parameter expectedLength: as the client stated it. A long body is written from its first piece on, so that many
    ///   of them together do not fill the memory first.
    init(limits: Limits = Limits(), expectedLength: Int? = nil) {
        self.limits = limits
        usesFile = (expectedLength ?? 0) > limits.maxInMemory
    }

    private var pendingBytes: Int { queuedBytes + bytesBeingWritten }

    /// Number of bytes that go to the file if a piece of this length is received next.
    func bytesForFile(_ count: Int) -> Int {
        guard phase == .receiving else { return 0 }
        if usesFile { return count }
        return length + count > limits.maxInMemory ? length + count : 0
    }

    /// Whether to read on from the client.
    var wantsMore: Bool { phase == .receiving && !isPaused }

    mutating func pieceReceived(_ count: Int) -> [Action] {
        guard phase == .receiving else { return [] }
        length += count
        var actions: [Action] = []
        if usesFile {
            queuedBytes += count
        } else if length > limits.maxInMemory {
            usesFile = true
            queuedBytes = length
            actions = [.moveToQueue]
        } else {
            return [.keep]
        }
        actions.append(.enqueue)
        actions += write()
        isPaused = pendingBytes >= limits.maxPending
        return actions
    }

    /// The client has sent the whole body.
    mutating func bodyReceived() -> [Action] {
        guard phase == .receiving else { return [] }
        phase = .finishing
        return completeIfStored()
    }

    mutating func writeSucceeded() -> [Action] {
        bytesBeingWritten = 0
        guard phase == .receiving || phase == .finishing else { return [] }
        var actions = write()
        if isPaused, pendingBytes <= limits.maxPending / 2 {
            isPaused = false
            if phase == .receiving { actions.append(.resume) }
        }
        return actions + completeIfStored()
    }

    /// A write failed, or the file could not be created.
    mutating func writeFailed() -> [Action] {
        bytesBeingWritten = 0
        guard phase == .receiving || phase == .finishing else { return [] }
        phase = .failed
        return [.close, .fail]
    }

    /// No space may be reserved for the next piece; the caller reports it.
    mutating func spaceRefused() -> [Action] {
        guard phase == .receiving else { return [] }
        phase = .failed
        return [.close]
    }

    /// The call needs the body no longer.
    mutating func released() -> [Action] {
        defer { phase = .released }
        return phase == .failed || phase == .released ? [] : [.close]
    }

    private mutating func write() -> [Action] {
        guard bytesBeingWritten == 0, queuedBytes > 0 else { return [] }
        (bytesBeingWritten, queuedBytes) = (queuedBytes, 0)
        return [.write]
    }

    private mutating func completeIfStored() -> [Action] {
        guard phase == .finishing, pendingBytes == 0 else { return [] }
        phase = .complete
        return [.complete]
    }
}
