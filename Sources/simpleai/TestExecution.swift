import Acceptance
import Foundation
import Synchronization

/// One run of the acceptance suite. It can be interrupted at any time and still writes a report.
struct TestExecution: Sendable {
    enum Source: Sendable {
        /// `powerIsCut`: magic packets reach the sleeping machine without effect.
        case local(FleetShape, powerIsCut: Bool)
        case remote(Remote)
    }

    /// A deployment that is already running.
    struct Remote: Sendable {
        /// Whether the deployment needs no token; none is sent.
        let hasNoAuthentication: Bool
        let url: String
        /// Which tokens may be sent there.
        let admission: TokenAdmission
        let token: String?
        let tokenBinary: String?
        let environmentToken: String?
        let expiredToken: String?
        let allowsInsecure: Bool
    }

    let tests: [TestName]
    let options: SuiteOptions
    let source: Source
    let output: TestOutput

    /// The suite once it has started, so that an interrupted run can report its progress.
    private final class Started: Sendable {
        let suite = Mutex<Suite?>(nil)
        /// Whether the run has completed: a later interruption has no effect.
        let isOver = Mutex(false)
    }

    private enum Ending: Sendable {
        case finished(Int32)
        case interrupted
        case gracePeriodExpired
    }

    /// Runs everything and returns the exit code.
    func run() async -> Int32 {
        let started = Started()
        let signals = InterruptSignals.listen()
        return await withTaskGroup(of: Ending.self) { group in
            group.addTask { .finished(await execute(started)) }
            group.addTask { await signals.first { _ in true } == nil ? .gracePeriodExpired : .interrupted }
            for await ending in group {
                switch ending {
                case .finished(let code):
                    group.cancelAll()
                    return code
                case .interrupted:
                    group.cancelAll()
                    if case .finished(let code) = await waitBriefly(for: &group), started.isOver.withLock({ $0 }) {
                        return code
                    }
                    output.finish(started.suite.withLock { $0 }?.report(interrupted: true) ?? untested(aborted: nil))
                    // Exits instead of returning: tasks that hang must not delay the exit.
                    exit(Conclusion.interrupted.exitCode)
                case .gracePeriodExpired:
                    continue
                }
            }
            return Conclusion.failed.exitCode
        }
    }

    /// Waits a short time for the cancelled run to close its connections and stop its processes.
    private func waitBriefly(for group: inout TaskGroup<Ending>) async -> Ending? {
        group.addTask {
            // Not a task sleep: the group is cancelled, and with it every sleep in it.
            await withCheckedContinuation { over in
                DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(400)) { over.resume() }
            }
            return .gracePeriodExpired
        }
        return await group.next()
    }

    /// The report of a run that ended before the suite started; nil if even the address is invalid.
    private func untested(aborted: String?) -> SuiteReport? {
        let address =
            switch source {
            // The fleet's port is unknown until it has started.
            case .local: "http://127.0.0.1"
            case .remote(let remote): remote.url
            }
        guard let deployment = try? DeploymentAddress(address) else { return nil }
        return .untested(tests, of: deployment, options: options, aborted: aborted)
    }

    private func execute(_ started: Started) async -> Int32 {
        do {
            switch source {
            case .local(let shape, let powerIsCut):
                return try await executeLocally(started, shape, powerIsCut: powerIsCut)
            case .remote(let remote): return await execute(remote, started)
            }
        } catch {
            return Task.isCancelled ? Conclusion.interrupted.exitCode : reportError(OperatorText.of(error))
        }
    }

    private func executeLocally(_ started: Started, _ shape: FleetShape, powerIsCut: Bool) async throws -> Int32 {
        try await withLocalDeployment(shape, powerIsCut: powerIsCut) { local in
            var options = options
            options.wakeOnLAN.packetPort = options.wakeOnLAN.packetPort ?? local.packetPort
            options.wakeOnLAN.putToSleep = options.wakeOnLAN.putToSleep ?? local.sleepMachine
            let deployment = try DeploymentAddress(local.url)
            output.announce(deployment, note: local.description)
            let tokens = TokenSource.provider(local.token, expired: local.expiredToken)
            return await perform(Suite(deployment: deployment, tests: tests, tokens: tokens, options: options), started)
        }
    }

    private func execute(_ remote: Remote, _ started: Started) async -> Int32 {
        let deployment: DeploymentAddress
        let tokens: TokenSource
        do {
            deployment = try DeploymentAddress(remote.url)
            output.announce(deployment, note: nil)
            try remote.checkExposure(of: deployment, output: output)
            tokens = try remote.tokenSource(deadline: options.deadline)
        } catch {
            return refuse(error)
        }
        return await perform(Suite(deployment: deployment, tests: tests, tokens: tokens, options: options), started)
    }

    private func perform(_ suite: Suite, _ started: Started) async -> Int32 {
        started.suite.withLock { $0 = suite }
        do {
            let report = try await suite.run { output.handle($0) }
            started.isOver.withLock { $0 = true }
            return output.finish(report) ? report.conclusion.exitCode : 1
        } catch let problem as TokenProblem {
            started.isOver.withLock { $0 = true }
            return refuse(problem)
        } catch {
            // Cancelled; the canceller writes the report.
            return Conclusion.interrupted.exitCode
        }
    }

    /// Ends a run that cannot start. A usage error produces no report: nothing about the deployment is known.
    private func refuse(_ problem: any Error) -> Int32 {
        let isWrongUsage = problem is DeploymentAddressError || (problem as? TokenProblem)?.isWrongUsage ?? false
        let text = OperatorText.of(problem)
        guard isWrongUsage else { return reportError(text) }
        output.reportError(text)
        return CommandLineEntry.usageExitCode
    }

    private func reportError(_ text: String) -> Int32 {
        if let report = untested(aborted: text) {
            output.finish(report)
        } else {
            output.reportError(text)
        }
        return Conclusion.failed.exitCode
    }
}

extension TestExecution.Remote {
    /// The source of tokens: `--token`, `--token-binary`, then the environment.
    ///
    /// - Parameter deadline: the limit of the whole run; it also limits the token program.
    func tokenSource(deadline: Duration?) throws(TokenProblem) -> TokenSource {
        if hasNoAuthentication { return .withoutCredentials() }
        if let token { return try .fixed(token, admission: admission, expired: expiredToken) }
        if let tokenBinary {
            let path = ProcessInfo.processInfo.environment["PATH"]
            let program: ExternalProgram
            do throws(TokenProblem) {
                program = try ExternalProgram(parsing: tokenBinary, searchPath: path)
            } catch {
                throw TokenProblem("--token-binary: \(error)")
            }
            let limit = min(deadline ?? TokenSource.programTimeout, TokenSource.programTimeout)
            return try .program(program, limit: limit, admission: admission, expired: expiredToken)
        }
        if let environmentToken {
            return try .fixed(
                environmentToken, from: "SIMPLEAI_TEST_TOKEN", admission: admission, expired: expiredToken)
        }
        throw TokenProblem(
            """
            No JWT token available. Provide one in one of three ways:
              --token TOKEN           the token itself
              --token-binary PATH     a program that prints one, called with --user and --role
              SIMPLEAI_TEST_TOKEN     in the environment or in a .env file here
            For a deployment without authentication use --no-auth.
            """)
    }

    /// Warns if tokens would be sent over plain HTTP, where every host on the network path can read them.
    func checkExposure(of deployment: DeploymentAddress, output: TestOutput) throws(TokenProblem) {
        if let warning = try exposureWarning(of: deployment) { output.warn(warning) }
    }

    func exposureWarning(of deployment: DeploymentAddress) throws(TokenProblem) -> String? {
        guard !hasNoAuthentication else { return nil }
        switch deployment.exposure {
        case .none: return nil
        case .localNetwork: return "plain http: tokens are readable on the local network"
        case .internet where allowsInsecure: return "plain http: tokens are readable in transit"
        case .internet:
            throw TokenProblem(
                "plain http to a public address would expose the token; use https, or --allow-insecure",
                isWrongUsage: true)
        }
    }
}
