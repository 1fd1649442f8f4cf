import Foundation
import Synchronization

/// Writes lines to standard error from a thread of its own. A reader that stalls (a pager, a log driver) blocks `write(2)`;
/// it must not block those who serve calls. What does not fit while it stalls is dropped, and how much is said.
final class LogWriter: Sendable {
    static let standardError = LogWriter(descriptor: STDERR_FILENO)

    private struct State {
        var lines: [String] = []
        var size = 0
        var droppedCount = 0
        var isWriting = false
    }

    /// In bytes, of lines that wait.
    private let maxSize: Int
    private let state = Mutex(State())
    private let hasWork = DispatchSemaphore(value: 0)
    private let isIdle = DispatchSemaphore(value: 0)

    init(descriptor: Int32, maxSize: Int = 1 << 20) {
        self.maxSize = maxSize
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
        let thread = Thread { [self] in
            while true {
                hasWork.wait()
                writeAll(to: file)
            }
        }
        thread.name = "log"
        // A reader that has gone makes writing fail; it must not end the process.
        signal(SIGPIPE, SIG_IGN)
        thread.start()
        atexit { LogWriter.standardError.drain(within: .seconds(1)) }
    }

    /// Never blocks.
    func write(_ line: String) {
        let isFirst = state.withLock { state in
            guard state.size + line.utf8.count <= maxSize else {
                state.droppedCount += 1
                return false
            }
            state.lines.append(line)
            state.size += line.utf8.count + 1
            return state.lines.count == 1
        }
        if isFirst { hasWork.signal() }
    }

    /// Waits until what was written so far has gone out, but no longer than that.
    func drain(within time: DispatchTimeInterval) {
        let deadline = DispatchTime.now() + time
        while state.withLock({ $0.isWriting || !$0.lines.isEmpty }), isIdle.wait(timeout: deadline) == .success {}
    }

    private func writeAll(to file: FileHandle) {
        while true {
            let (lines, droppedCount) = state.withLock { state in
                defer {
                    state.isWriting = !state.lines.isEmpty
                    state.lines = []
                    state.size = 0
                    state.droppedCount = 0
                }
                return (state.lines, state.droppedCount)
            }
            guard !lines.isEmpty else {
                isIdle.signal()
                return
            }
            // A reader that is gone, or a full disk, is no reason to end.
            try? file.write(contentsOf: Data((lines.joined(separator: "\n") + "\n").utf8))
            if droppedCount > 0 {
                try? file.write(contentsOf: Data("Log lines dropped: number=\(droppedCount)\n".utf8))
            }
        }
    }
}
