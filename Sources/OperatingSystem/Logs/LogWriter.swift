import Foundation
import Synchronization

/// Writes lines to a descriptor from a thread of its own, so that a slow or failed reader of the log delays no
/// call.
///
/// A reader that stalls (a pager, a log driver) blocks the thread; lines that do not fit into the queue meanwhile are
/// dropped. A closed pipe, and a full disk, make writing fail: the lines are dropped. Their number is written with the next
/// lines.
public final class LogWriter: Sendable {
    public static let standardError: LogWriter = {
        let writer = LogWriter(descriptor: STDERR_FILENO)
        atexit { LogWriter.standardError.drain(within: .seconds(1)) }
        return writer
    }()

    private let descriptor: Int32
    private let queue: Mutex<LogQueue>
    private let hasWork = DispatchSemaphore(value: 0)
    private let isIdle = DispatchSemaphore(value: 0)

    /// - Parameters:
    ///   - descriptor: stays open as long as the process lives.
    ///   - maxSize: in bytes, of lines that wait.
    public init(descriptor: Int32, maxSize: Int = 1 << 20) {
        self.descriptor = descriptor
        queue = Mutex(LogQueue(maxSize: maxSize))
        let thread = Thread { [self] in
            while true {
                hasWork.wait()
                writeAll()
            }
        }
        thread.name = "log"
        // Writing to a closed pipe fails instead of ending the process.
        signal(SIGPIPE, SIG_IGN)
        thread.start()
    }

    /// Never blocks.
    public func write(_ line: String) {
        if queue.withLock({ $0.append(line) }) { hasWork.signal() }
    }

    /// Waits until all queued lines are written or dropped, at most until the deadline.
    public func drain(within time: Duration) {
        let (seconds, attoseconds) = time.components
        let deadline = DispatchTime.now() + Double(seconds) + Double(attoseconds) / 1e18
        while queue.withLock({ !$0.isIdle }), isIdle.wait(timeout: deadline) == .success {}
    }

    private func writeAll() {
        while let batch = queue.withLock({ $0.take() }) {
            do throws(SystemError) {
                try DescriptorWriter.write(Array(batch.text.utf8), to: descriptor)
            } catch {
                queue.withLock { $0.wasLost(batch) }
            }
        }
        isIdle.signal()
    }
}
