import Foundation
import Synchronization

/// Writes lines to a descriptor on a dedicated thread, so that a slow or failed reader of the log delays no call.
///
/// If the reader stalls (a pager, a log driver), the thread blocks, and lines that do not fit into the queue are dropped. If
/// writing fails (a closed pipe, a full disk), the lines of the batch are dropped. The number of dropped lines is written
/// with the next lines.
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
    ///   - descriptor: must stay open as long as the process lives.
    ///   - maxSize: maximum size of the queue, in bytes.
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
                queue.withLock { $0.writeFailed(batch) }
            }
        }
        isIdle.signal()
    }
}
