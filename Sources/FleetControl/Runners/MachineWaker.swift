import Logging
import NIOCore
import NetworkErrors
import Scheduling
import SimpleAICore
import Synchronization

/// Performs wake attempts with all wake methods of a machine, and reports to the scheduler whether any of them succeeded.
final class MachineWaker: Sendable {
    /// The progress of one wake.
    private struct Progress {
        let wake: WakeID
        /// Programs and web hooks that are running or have succeeded: they are not repeated.
        var started: Set<PowerMethod> = []
        var attemptsInProgress = 0
    }

    private let machines: MachineDirectory
    private let power: any PowerControl
    private let scheduler: Scheduler
    private let metrics: FleetMetrics
    private let logger: Logger
    private let eventLoop: any EventLoop
    private let progress = Mutex<[RunnerID: Progress]>([:])

    init(
        machines: MachineDirectory, power: any PowerControl, scheduler: Scheduler, metrics: FleetMetrics,
        logger: Logger,
        on eventLoop: any EventLoop
    ) {
        self.machines = machines
        self.power = power
        self.scheduler = scheduler
        self.metrics = metrics
        self.logger = logger
        self.eventLoop = eventLoop
    }

    /// Starts one attempt.
    /// - Parameters:
    ///   - number: the number of the attempt, from 0.
    ///   - isFallingAsleep: whether the machine may still be awake: a program or a web hook that runs now would have no
    ///     effect, or the opposite one, so it waits for a later attempt.
    /// - Returns: a future that completes when all methods have ended, successfully or not.
    @discardableResult
    func attempt(
        _ runner: RunnerID, _ wake: WakeID, number: Int, isFallingAsleep: Bool = false
    ) -> EventLoopFuture<Void> {
        let known = machines.wakeMethods(of: runner)
        let methods = begin(known.filter { $0.isRepeated || !isFallingAsleep }, for: runner, wake)
        guard !methods.isEmpty else {
            if known.isEmpty {
                scheduler.wakeAttempted(runner, wake, failure: "no wake method is configured")
            }
            return eventLoop.makeSucceededVoidFuture()
        }
        let attempts = methods.map { method in
            eventLoop.makeFutureWithTask { [power] in try await power.perform(method) }
                .map { Result<Void, any Error>.success(()) }
                .recover { .failure($0) }
                .always { [self] outcome in
                    if case .success(let result) = outcome { ended(method, runner, wake, number, result) }
                }
        }
        return EventLoopFuture.whenAllSucceed(attempts, on: eventLoop).map { [self] results in
            let failures = results.compactMap { if case .failure(let error) = $0 { Self.text(error) } else { nil } }
            report(runner, wake, failure: failures.count == results.count ? failures.joined(separator: "; ") : nil)
        }
    }

    private static func text(_ error: any Error) -> String {
        (error as? PowerError)?.description ?? NetworkErrorText.of(error)
    }

    func forget(_ runner: RunnerID) {
        progress.withLock { _ = $0.removeValue(forKey: runner) }
    }

    /// Records and returns the methods that this attempt starts.
    private func begin(_ methods: [PowerMethod], for runner: RunnerID, _ wake: WakeID) -> [PowerMethod] {
        progress.withLock { all in
            var progress = all[runner].flatMap { $0.wake == wake ? $0 : nil } ?? Progress(wake: wake)
            let begun = methods.filter { $0.isRepeated || progress.started.insert($0).inserted }
            if !begun.isEmpty { progress.attemptsInProgress += 1 }
            all[runner] = progress
            return begun
        }
    }

    private func ended(
        _ method: PowerMethod, _ runner: RunnerID, _ wake: WakeID, _ number: Int, _ result: Result<Void, any Error>
    ) {
        var metadata: Logger.Metadata = [
            LogKeys.runner: "\(runner)", LogKeys.wake: "\(wake)", LogKeys.attempt: "\(number + 1)",
            LogKeys.address: "\(method)",
        ]
        switch result {
        case .success:
            if case .packet = method { metrics.packetWasSent() }
            logger.debug("Wake attempt sent", metadata: metadata)
        case .failure(let error):
            if !method.isRepeated {
                // The next attempt repeats it.
                progress.withLock { if $0[runner]?.wake == wake { $0[runner]?.started.remove(method) } }
            }
            metadata[LogKeys.cause] = "\(Self.text(error))"
            logger.error("Wake attempt failed", metadata: metadata)
        }
    }

    /// Reports the attempt to the scheduler, except a failure while a slower method of an earlier attempt is running.
    private func report(_ runner: RunnerID, _ wake: WakeID, failure: String?) {
        let othersAreInProgress = progress.withLock { all in
            guard all[runner]?.wake == wake else { return true }
            all[runner]?.attemptsInProgress -= 1
            return (all[runner]?.attemptsInProgress ?? 0) > 0
        }
        if failure == nil || !othersAreInProgress { scheduler.wakeAttempted(runner, wake, failure: failure) }
    }
}
