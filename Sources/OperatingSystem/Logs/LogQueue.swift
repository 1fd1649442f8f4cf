/// Lines that wait to be written, up to a maximum size, and the number of dropped lines. Pure.
///
/// One thread writes: it waits while the queue is idle, lets lines gather for a moment unless they are due, and takes them
/// in one batch. Lines that arrive while it writes belong to its next batch.
struct LogQueue {
    /// Lines that are written together.
    struct Batch: Equatable {
        /// Each line ends with a line feed.
        var bytes: [UInt8]
        var lineCount: Int
        /// Number of lines that were dropped before or after these.
        var droppedCount: Int
        /// Whether the log ends in the middle of a line, so that the batch begins with a line feed.
        var followsCutLine: Bool
    }

    /// What has to be done for the thread that writes.
    enum Signal: Equatable {
        case none
        /// It waits for lines.
        case begin
        /// It lets lines gather, and these are due.
        case hurry
    }

    private enum Phase {
        case idle
        case gathering
        case due
        case writing
    }

    /// The maximum size of waiting lines, in bytes.
    private let maxSize: Int
    private var bytes: [UInt8] = []
    private var lineCount = 0
    private var droppedCount = 0
    private var followsCutLine = false
    private var phase = Phase.idle
    /// Number of lines that were dropped since the start.
    private(set) var totalDroppedCount = 0

    init(maxSize: Int) {
        self.maxSize = maxSize
    }

    /// Whether no line waits or is being written.
    var isIdle: Bool { phase == .idle }
    /// Whether the thread may wait for further lines before it writes.
    var isGathering: Bool { phase == .gathering }

    /// Appends a line, or drops it if it does not fit.
    /// - Parameter isDue: whether the line has to be written at once.
    mutating func append(_ line: UnsafeRawBufferPointer, isDue: Bool) -> Signal {
        guard bytes.count + line.count < maxSize else {
            drop(1)
            return .none
        }
        bytes.append(contentsOf: line)
        bytes.append(UInt8(ascii: "\n"))
        lineCount += 1
        // Lines that arrive faster than they are expected must not reach the maximum while the thread waits.
        let isDue = isDue || bytes.count >= maxSize / 4
        switch phase {
        case .idle:
            phase = isDue ? .due : .gathering
            return .begin
        case .gathering: return isDue ? hurry() : .none
        case .due, .writing: return .none
        }
    }

    /// Makes the lines that gather due.
    mutating func hurry() -> Signal {
        guard phase == .gathering else { return .none }
        phase = .due
        return .hurry
    }

    /// All waiting lines; nil if there are none: the queue is idle then.
    mutating func take() -> Batch? {
        guard lineCount > 0 else {
            phase = .idle
            return nil
        }
        let batch = Batch(
            bytes: bytes, lineCount: lineCount, droppedCount: droppedCount, followsCutLine: followsCutLine)
        (bytes, lineCount, droppedCount, followsCutLine) = ([], 0, 0, false)
        phase = .writing
        return batch
    }

    /// The batch was not written completely: the next one reports the missing lines as dropped.
    /// - Parameter written: the bytes of its text that were written.
    mutating func wasCut(_ batch: Batch, after written: ArraySlice<UInt8>) {
        let lineFeed = UInt8(ascii: "\n")
        followsCutLine = written.last.map { $0 != lineFeed } ?? batch.followsCutLine
        let ends = written.count { $0 == lineFeed } - (batch.followsCutLine && !written.isEmpty ? 1 : 0)
        drop(batch.lineCount - min(ends, batch.lineCount))
        // The batch's own report was not written either.
        droppedCount += batch.droppedCount
    }

    private mutating func drop(_ count: Int) {
        droppedCount += count
        totalDroppedCount += count
    }
}
