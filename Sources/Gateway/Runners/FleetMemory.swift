import Logging
import NIOCore
import NIOPosix
import Synchronization

/// Keeps the state file true, away from the event loops.
///
/// Whether there is something new takes a look at the whole fleet. What is asked for while one is under way, or its write,
/// leads to one more, however often it is asked for: a thousand machines that come up together are no thousand looks.
final class FleetMemory: Sendable {
    private struct Progress {
        var isUnderWay = false
        var isDue = false
        /// When the latest that was under way has ended.
        var end: EventLoopFuture<Void>
    }

    private struct Known {
        var content: StateFile.Content
        /// The file says the same.
        var isWritten = true
    }

    private let file: StateFile
    private let look: @Sendable () -> StateFile.Content
    private let logger: Logger
    private let eventLoop: any EventLoop
    private let progress: Mutex<Progress>
    private let known: Mutex<Known>

    /// - Parameter look: what there is to remember now; called on a thread that may wait.
    init(
        _ file: StateFile, saying written: StateFile.Content, logger: Logger, on eventLoop: any EventLoop,
        look: @escaping @Sendable () -> StateFile.Content
    ) {
        self.file = file
        known = Mutex(Known(content: written))
        self.look = look
        self.logger = logger
        self.eventLoop = eventLoop
        progress = Mutex(Progress(end: eventLoop.makeSucceededVoidFuture()))
    }

    /// Something may have changed.
    func update() {
        progress.withLock { progress in
            progress.isDue = true
            guard !progress.isUnderWay else { return }
            progress.isUnderWay = true
            progress.end = NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) { [self] in
                while takeDue() { write() }
            }
        }
    }

    /// Returns when everything that was to be remembered has been written, well or badly.
    func settled() async throws {
        try await progress.withLock { $0.end }.get()
    }

    private func takeDue() -> Bool {
        progress.withLock { progress in
            progress.isUnderWay = progress.isDue
            progress.isDue = false
            return progress.isUnderWay
        }
    }

    /// What is known of runners that are gone stays: they may come back.
    private func write() {
        let news = look()
        do {
            try known.withLock { known in
                let before = known.content
                known.content.runners.merge(news.runners) { _, new in new }
                if known.content != before { known.isWritten = false }
                guard !known.isWritten else { return }
                try file.write(known.content)
                known.isWritten = true
            }
        } catch {
            logger.error(
                "The state file could not be written",
                metadata: [LogKeys.path: "\(file.path)", LogKeys.cause: "\(error)"])
        }
    }
}
