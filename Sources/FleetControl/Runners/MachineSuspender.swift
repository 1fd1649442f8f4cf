import Logging
import NIOCore
import NetworkErrors
import Scheduling
import SimpleAICore

/// Puts machines to sleep with the program and the web hook in their runners' settings, and reports to the scheduler
/// whether any of them succeeded.
final class MachineSuspender: Sendable {
    private let machines: MachineDirectory
    private let power: any PowerControl
    private let scheduler: Scheduler
    private let logger: Logger
    private let eventLoop: any EventLoop

    init(
        machines: MachineDirectory, power: any PowerControl, scheduler: Scheduler, logger: Logger,
        on eventLoop: any EventLoop
    ) {
        self.machines = machines
        self.power = power
        self.scheduler = scheduler
        self.logger = logger
        self.eventLoop = eventLoop
    }

    /// Starts all sleep methods of the machine.
    /// - Returns: a future that completes when all of them have ended and the result is reported.
    @discardableResult
    func suspend(_ runner: RunnerID, _ request: CommandID) -> EventLoopFuture<Void> {
        let methods = machines.sleepMethods(of: runner)
        guard !methods.isEmpty else {
            // The settings have changed since the scheduler's decision.
            scheduler.commandCompleted(runner, request, failure: "no sleep method is configured")
            return eventLoop.makeSucceededVoidFuture()
        }
        let attempts = methods.map { method in
            eventLoop.makeFutureWithTask { [power] in try await power.perform(method) }
                .map { (method: method, failure: String?.none) }
                .flatMapErrorThrowing { (method: method, failure: Self.text($0)) }
        }
        return EventLoopFuture.whenAllSucceed(attempts, on: eventLoop).map { [self] results in
            let failures = results.compactMap(\.failure)
            let hasSucceeded = failures.count < results.count
            for result in results { log(result, hasSucceeded: hasSucceeded, runner) }
            scheduler.commandCompleted(
                runner, request, failure: hasSucceeded ? nil : failures.joined(separator: "; "))
        }
    }

    /// If all methods fail, the scheduler reports the failure; otherwise only this log shows it.
    private func log(_ result: (method: PowerMethod, failure: String?), hasSucceeded: Bool, _ runner: RunnerID) {
        var metadata: Logger.Metadata = [LogKeys.runner: "\(runner)", LogKeys.address: "\(result.method)"]
        guard let failure = result.failure else { return logger.debug("Sleep command completed", metadata: metadata) }
        metadata[LogKeys.cause] = "\(failure)"
        logger.log(level: hasSucceeded ? .warning : .debug, "Sleep command failed", metadata: metadata)
    }

    private static func text(_ error: any Error) -> String {
        (error as? PowerError)?.description ?? NetworkErrorText.of(error)
    }
}
