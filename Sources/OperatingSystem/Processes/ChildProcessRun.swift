import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// One run of a child process, supervised by its own thread from the start until its last descriptor is closed.
///
/// Uses a thread and `poll`: Foundation's `Process` and `Pipe` trap if no descriptor is left, and so does the first
/// dispatch source.
final class ChildProcessRun: Sendable {
    /// Receives how the process ended, or why it could not be started.
    typealias Completion = @Sendable (Result<ChildProcessEnding, SystemError>) -> Void

    private struct State {
        var isStopRequested = false
        /// Wakes the thread; nil before its start and after its end.
        var wakeDescriptor: Int32?
        var completion: Completion?
    }

    private let process: ChildProcess
    private let onStart: @Sendable (Int32) -> Void
    private let state = Mutex(State())

    /// Interval between checks of a child if the system has no process descriptors.
    private static let pollInterval: Duration = .milliseconds(20)
    /// Maximum wait after SIGKILL, for a child that the kernel cannot end yet.
    private static let maxKillDuration: Duration = .seconds(2)
    /// Maximum number of bytes read after the child's end: the capacity of a pipe and no more, because background
    /// processes may keep writing.
    private static let maxRemainder = 1 << 20

    init(_ process: ChildProcess, onStart: @escaping @Sendable (Int32) -> Void) {
        self.process = process
        self.onStart = onStart
    }

    /// - Parameter completion: called once.
    func start(completion: @escaping Completion) {
        state.withLock { $0.completion = completion }
        do throws(SystemError) {
            try SupervisionThread.start { self.supervise() }
        } catch {
            complete(.failure(error))
        }
    }

    func stop() {
        state.withLock { state in
            state.isStopRequested = true
            var byte: UInt8 = 0
            if let wakeDescriptor = state.wakeDescriptor { _ = write(wakeDescriptor, &byte, 1) }
        }
    }

    private func supervise() {
        do throws(SystemError) {
            let wakeDescriptor = try DescriptorPair.pipe()
            defer { wakeDescriptor.reader.close() }
            state.withLock { $0.wakeDescriptor = wakeDescriptor.writer.number }
            defer {
                state.withLock { $0.wakeDescriptor = nil }
                wakeDescriptor.writer.close()
            }
            let child = try SpawnedChild(process)
            defer { child.close() }
            onStart(child.pid)
            awaitEnd(of: child, wakeDescriptor: wakeDescriptor.reader)
        } catch {
            complete(.failure(error))
        }
    }

    private func awaitEnd(of child: SpawnedChild, wakeDescriptor: Descriptor) {
        var schedule = StopSchedule(
            startedAt: .now, timeout: process.timeout, gracePeriod: process.stopGracePeriod)
        var streams = CapturedStreams(child, process)
        while !child.hasExited {
            let now = ContinuousClock.now
            var signals = schedule.signals(due: now)
            if state.withLock({ $0.isStopRequested }) { signals += schedule.stopRequested(at: now) }
            for signal in signals { child.signal(signal == .kill ? SIGKILL : SIGTERM) }
            if let killedAt = schedule.killedAt, now - killedAt > Self.maxKillDuration {
                complete(.success(ending(.signalled(SIGKILL), schedule, streams)))
            }
            streams.wait(
                wakeDescriptor: wakeDescriptor, exit: child.exit,
                atMost: wait(until: schedule.nextDeadline, from: now, schedule, child))
        }
        streams.readRemainder(atMost: Self.maxRemainder)
        // Checked before the process is reaped, so that no signal can reach an unrelated process with the same id.
        let isSuccess = child.exitStatus == .exited(0) && !schedule.didTimeOut && !schedule.wasStopped
        if process.background == .killed || !isSuccess { child.signal(SIGKILL) }
        complete(.success(ending(child.reap(), schedule, streams)))
    }

    /// Maximum time for the thread to wait; nil: until an event.
    private func wait(
        until deadline: ContinuousClock.Instant?, from now: ContinuousClock.Instant, _ schedule: StopSchedule,
        _ child: SpawnedChild
    ) -> Duration? {
        var limits: [Duration] = []
        if let deadline { limits.append(max(.zero, deadline - now)) }
        if child.exit == nil { limits.append(Self.pollInterval) }
        if schedule.killedAt != nil { limits.append(Self.maxKillDuration) }
        return limits.min()
    }

    private func ending(
        _ status: ChildProcessEnding.Status, _ schedule: StopSchedule, _ streams: CapturedStreams
    ) -> ChildProcessEnding {
        ChildProcessEnding(
            status: status, didTimeOut: schedule.didTimeOut, wasCancelled: schedule.wasStopped,
            output: streams.output.bytes, errors: streams.errors.bytes)
    }

    private func complete(_ result: Result<ChildProcessEnding, SystemError>) {
        let completion = state.withLock { state in
            defer { state.completion = nil }
            return state.completion
        }
        completion?(result)
    }
}
