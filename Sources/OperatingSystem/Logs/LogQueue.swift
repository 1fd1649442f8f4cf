/// A bounded queue of log lines, which counts the lines that it drops. Pure.
struct LogQueue {
    /// Lines that are written together.
    struct Batch: Equatable {
        var lines: [String]
        /// Lines that were dropped before or after these.
        var droppedCount: Int

        var text: String {
            let report = droppedCount > 0 ? ["Log lines dropped: count=\(droppedCount)"] : []
            return (lines + report).joined(separator: "\n") + "\n"
        }
    }

    /// The maximum size of waiting lines, in bytes.
    private let maxSize: Int
    private var lines: [String] = []
    private var size = 0
    private var droppedCount = 0
    /// Whether a batch has been taken and its outcome is not known yet.
    private(set) var isWriting = false

    init(maxSize: Int) {
        self.maxSize = maxSize
    }

    var isIdle: Bool { lines.isEmpty && !isWriting }

    /// - Returns: whether the line is the only one in the queue; false if it was dropped.
    mutating func append(_ line: String) -> Bool {
        let length = line.utf8.count + 1
        guard size + length <= maxSize else {
            droppedCount += 1
            return false
        }
        lines.append(line)
        size += length
        return lines.count == 1
    }

    /// Takes all waiting lines; nil if there are none.
    mutating func take() -> Batch? {
        isWriting = !lines.isEmpty
        guard isWriting else { return nil }
        let batch = Batch(lines: lines, droppedCount: droppedCount)
        (lines, size, droppedCount) = ([], 0, 0)
        return batch
    }

    /// Records that a batch was not written completely: the next one reports its lines as dropped.
    mutating func writeFailed(_ batch: Batch) {
        droppedCount += batch.lines.count + batch.droppedCount
    }
}
