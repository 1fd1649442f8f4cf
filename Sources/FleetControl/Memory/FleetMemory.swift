import Logging
import NIOCore
import NIOPosix
import NetworkErrors
import OperatingSystem
import SimpleAICore
import Synchronization

/// Keeps the state file up to date, off the event loops. `WriteSchedule` decides when.
final class FleetMemory: Sendable {
    private struct Progress {
        var schedule = WriteSchedule()
        /// Completes when the latest check in progress has ended.
        var end: EventLoopFuture<Void>
    }

    private struct Known {
        var content: StateFile.Content
        /// Whether the file on disk is up to date.
        var isWritten: Bool
        /// The latest reported problem, until a write succeeds.
        var problem: String?
    }

    private let file: StateFile
    private let currentContent: @Sendable () -> StateFile.Content
    private let knownAgents: (@Sendable () -> Set<RunnerID>)?
    private let logger: Logger
    private let eventLoop: any EventLoop
    private let progress: Mutex<Progress>
    private let known: Mutex<Known>

    /// - Parameters:
    ///   - isWritten: whether the file on disk already equals `written`.
    ///   - knownAgents: the agents that the gateway still knows; nil for all.
    ///   - content: returns the current state; called on a thread that may block.
    init(
        _ file: StateFile, restoring written: StateFile.Content, isWritten: Bool = true, logger: Logger,
        on eventLoop: any EventLoop, knownAgents: (@Sendable () -> Set<RunnerID>)? = nil,
        content: @escaping @Sendable () -> StateFile.Content
    ) {
        self.file = file
        known = Mutex(Known(content: written, isWritten: isWritten))
        currentContent = content
        self.knownAgents = knownAgents
        self.logger = logger
        self.eventLoop = eventLoop
        progress = Mutex(Progress(end: eventLoop.makeSucceededVoidFuture()))
    }

    /// The state may have changed.
    func update() {
        progress.withLock { perform($0.schedule.updateRequested(at: .now), &$0) }
    }

    /// Waits until all pending state has been written, or the write has failed.
    func settled() async throws {
        progress.withLock { perform($0.schedule.writeImmediately(), &$0) }
        while let end = progress.withLock({ $0.schedule.isChecking ? $0.end : nil }) { try await end.get() }
        progress.withLock { $0.schedule.immediateWriteEnded() }
    }

    private func perform(_ action: WriteSchedule.Action?, _ progress: inout Progress) {
        switch action {
        case .check:
            progress.end = NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) { [self] in
                let start = ContinuousClock.now
                let isWritten = write()
                let now = ContinuousClock.now
                self.progress.withLock {
                    perform($0.schedule.checkEnded(at: now, duration: now - start, isWritten: isWritten), &$0)
                }
            }
        case .wait(let delay):
            eventLoop.scheduleTask(in: TimeAmount(delay)) { [weak self] in
                self?.progress.withLock { self?.perform($0.schedule.waitEnded(), &$0) }
            }
        case nil: break
        }
    }

    /// Writes the file if the state has changed. Absent runners remain in it until the gateway forgets them, because they
    /// may return.
    /// - Returns: whether the file is up to date.
    private func write() -> Bool {
        let changes = currentContent()
        let agents = knownAgents?()
        return known.withLock { known in
            let before = known.content
            known.content.runners.merge(changes.runners) { _, new in new }
            if let agents {
                known.content.runners = known.content.runners.filter {
                    $0.value.agent == nil || agents.contains(RunnerID($0.key))
                }
            }
            if known.content != before { known.isWritten = false }
            guard !known.isWritten else { return true }
            do {
                try file.write(known.content)
                known.isWritten = true
                if known.problem != nil {
                    logger.notice("State file writes resumed", metadata: [LogKeys.path: "\(file.path)"])
                }
                known.problem = nil
            } catch {
                report((error as? StoredFile.Failure)?.description ?? NetworkErrorText.of(error), &known.problem)
            }
            return known.isWritten
        }
    }

    /// Reports each cause once, not at every retry.
    private func report(_ cause: String, _ problem: inout String?) {
        guard cause != problem else { return }
        problem = cause
        logger.error(
            "State file write failed", metadata: [LogKeys.path: "\(file.path)", LogKeys.cause: "\(cause)"])
    }
}
