import Foundation
import Synchronization

/// Writes lines to a descriptor from a thread of its own, so that a slow or failed reader of the log delays no
/// call.
///
/// A reader that stalls (a pager, a log driver) blocks the thread; lines that do not fit into the queue meanwhile are
/// dropped. A closed pipe, and a full disk, make writing fail: the lines are dropped. A line with their number follows the
/// next lines. All lines pass through one queue, so they are written in the order in which they were logged.
public final class LogWriter: Sendable {
    public static let standardError: LogWriter = {
        let writer = LogWriter(descriptor: STDERR_FILENO)
        atexit { LogWriter.standardError.drain(within: .seconds(1)) }
        return writer
    }()

    /// How long lines gather: waking the thread for each of twenty thousand lines per second costs more than formatting
    /// them, and waking it a thousand times per second still a fiftieth of a request. With less load, lines soon appear.
    /// - Parameter lineCount: number of lines that gathered before.
    static func gatherTime(after lineCount: Int) -> DispatchTimeInterval { .milliseconds(lineCount < 10 ? 1 : 10) }

    private let descriptor: Int32
    private let queue: Mutex<LogQueue>
    private let droppedText = Mutex<@Sendable (_ count: Int) -> String>({ "Log lines dropped: count=\($0)" })
    private let hasWork = DispatchSemaphore(value: 0)
    private let isDue = DispatchSemaphore(value: 0)
    private let isIdle = DispatchSemaphore(value: 0)

    /// - Parameters:
    ///   - descriptor: stays open as long as the process lives.
    ///   - maxSize: in bytes, of lines that wait.
    public init(descriptor: Int32, maxSize: Int = 1 << 20) {
        self.descriptor = descriptor
        queue = Mutex(LogQueue(maxSize: maxSize))
        let thread = Thread { [self] in
            var (lastWrite, lineCount) = (DispatchTime(uptimeNanoseconds: 0), 0)
            while true {
                hasWork.wait()
                // The first line after a pause is written immediately; only lines in quick succession gather. A signal that
                // was left from an earlier wait only ends this one early.
                let end = lastWrite + Self.gatherTime(after: lineCount)
                if queue.withLock({ $0.isGathering }), end > .now() { _ = isDue.wait(timeout: end) }
                lineCount = writeAll()
                lastWrite = .now()
            }
        }
        thread.name = "log"
        // Writing to a closed pipe fails instead of ending the process.
        signal(SIGPIPE, SIG_IGN)
        thread.start()
    }

    /// Queues a line, without its line feed, to be written at once. Never blocks.
    public func write(_ line: String) {
        var line = line
        line.withUTF8 { append(UnsafeRawBufferPointer($0), isDue: true) }
    }

    /// Queues a line, without its line feed, to be written immediately after a pause, otherwise with those
    /// of up to 1 ms, under load 10 ms. Never blocks.
    public func write(gathering line: UnsafeRawBufferPointer) {
        append(line, isDue: false)
    }

    /// Number of lines that were dropped since the start.
    public var droppedLineCount: Int { queue.withLock { $0.totalDroppedCount } }

    /// Replaces the line that reports dropped lines.
    /// - Parameter text: the line for a number of them, in the format of the other lines.
    public func reportDroppedLines(as text: @escaping @Sendable (_ count: Int) -> String) {
        droppedText.withLock { $0 = text }
    }

    /// Waits until all queued lines are written or dropped, at most until the deadline.
    public func drain(within time: Duration) {
        let (seconds, attoseconds) = time.components
        let deadline = DispatchTime.now() + Double(seconds) + Double(attoseconds) / 1e18
        perform(queue.withLock { $0.hurry() })
        while queue.withLock({ !$0.isIdle }), isIdle.wait(timeout: deadline) == .success {}
    }

    private func append(_ line: UnsafeRawBufferPointer, isDue: Bool) {
        perform(queue.withLock { $0.append(line, isDue: isDue) })
    }

    private func perform(_ signal: LogQueue.Signal) {
        switch signal {
        case .none: break
        case .begin: hasWork.signal()
        case .hurry: isDue.signal()
        }
    }

    /// - Returns: number of lines.
    private func writeAll() -> Int {
        var lineCount = 0
        while let batch = queue.withLock({ $0.take() }) {
            lineCount += batch.lineCount
            let bytes = text(of: batch)
            let written = DescriptorWriter.writeUntilError(bytes, to: descriptor)
            if written < bytes.count { queue.withLock { $0.wasCut(batch, after: bytes[..<written]) } }
        }
        isIdle.signal()
        return lineCount
    }

    private func text(of batch: LogQueue.Batch) -> [UInt8] {
        guard batch.followsCutLine || batch.droppedCount > 0 else { return batch.bytes }
        var bytes = batch.followsCutLine ? [UInt8(ascii: "\n")] : []
        bytes += batch.bytes
        if batch.droppedCount > 0 { bytes += "\(droppedText.withLock { $0 }(batch.droppedCount))\n".utf8 }
        return bytes
    }
}
