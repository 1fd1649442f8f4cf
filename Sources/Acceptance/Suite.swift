import Synchronization

/// A run of some or all tests against one deployment.
public struct Suite: Sendable {
    public let deployment: DeploymentAddress
    public let tests: [TestName]
    public let options: SuiteOptions
    private let tokens: TokenSource
    private let redactor: Redactor
    private let record: Record
    private let runClock = RunClock()

    /// Results so far, so that an interrupted run can still be reported.
    private final class Record: Sendable {
        let results = Mutex<[CheckResult]>([])
        let accuracy = Mutex<ClockAccuracy?>(nil)
    }

    public init(deployment: DeploymentAddress, tests: [TestName], tokens: TokenSource, options: SuiteOptions) {
        self.deployment = deployment
        self.tests = tests
        self.tokens = tokens
        self.options = options
        redactor = tokens.redactor
        record = Record()
    }

    /// Ids in `--only` or `--skip` that match no check of these tests.
    public static func unknownSelectors(_ selectors: [String], in tests: [TestName]) -> [String] {
        let ids = tests.flatMap { $0.checks.map(\.id) }
        return selectors.filter { selector in !ids.contains { matches($0, selector) } }
    }

    static func matches(_ id: String, _ selector: String) -> Bool {
        id == selector || id.hasPrefix(selector + ".")
    }

    /// The results so far; callable at any time, also while the suite runs.
    public func report(aborted: String? = nil, interrupted: Bool = false) -> SuiteReport {
        SuiteReport(
            deployment: deployment, tests: tests, seed: options.seed, allowsInconclusive: options.allowsInconclusive,
            results: record.results.withLock { $0 }, aborted: aborted, interrupted: interrupted,
            stamp: runClock.stamp(version: options.version), clock: record.accuracy.withLock { $0 },
            rounds: options.rounds)
    }

    /// Runs the chosen checks in order.
    ///
    /// - Throws: `CancellationError` when the task was cancelled; ``report(aborted:interrupted:)`` then returns the
    ///   results so far. ``TokenProblem`` when a token may not be sent to this deployment; the run then ends.
    public func run(observe: @escaping @Sendable (SuiteEvent) -> Void) async throws -> SuiteReport {
        let deadline = options.deadline.map { ContinuousClock.now + $0 }
        let client: APIClient
        do {
            client = try APIClient(
                deployment: deployment, verifiesCertificates: options.verifiesCertificates, deadline: deadline)
        } catch {
            return report(aborted: "TLS cannot be set up: \(ErrorText.of(error))")
        }
        let measurement = AccuracyMeasurement(record: record, known: options.clock)
        for round in 1...max(1, options.rounds) {
            let seed = options.seed &+ UInt64(round - 1)
            if options.rounds > 1 { observe(.roundStarted(round, of: options.rounds, seed: seed)) }
            let random = Session.RandomSource(seed: seed)
            let failedWakes = FailedWakes()
            for (index, name) in tests.enumerated() {
                let session = Session(
                    client: client, tokens: tokens, options: options, redactor: redactor,
                    timeout: options.timeout ?? name.defaultTimeout, random: random, failedWakes: failedWakes,
                    clock: measurement.accuracy,
                    observe: observe)
                if round == 1, index == 0, let reason = try await Reachability(session: session).problem() {
                    return report(aborted: redactor.redact(reason))
                }
                try await run(name, in: session, round: round, deadline: deadline)
            }
        }
        return report()
    }

    /// Measures the clock's accuracy once, when the first check needs it, and records the result for the report.
    private struct AccuracyMeasurement: Sendable {
        let record: Record
        let known: ClockAccuracy?
        private let measured = Once<ClockAccuracy>()

        init(record: Record, known: ClockAccuracy?) {
            self.record = record
            self.known = known
        }

        @Sendable func accuracy() async throws -> ClockAccuracy {
            try await measured.value {
                let accuracy = if let known { known } else { try await ClockAccuracy.measured() }
                record.accuracy.withLock { $0 = accuracy }
                return accuracy
            }
        }
    }

    private func run(
        _ name: TestName, in session: Session, round: Int, deadline: ContinuousClock.Instant?
    ) async throws {
        let count = name.checks.count { options.selects($0.id) }
        guard count > 0 else { return }
        session.observe(.testStarted(name, checks: count))
        let session = try await withTarget(for: name, session)
        let checks = name.plan(session: session).filter { options.selects($0.description.id) }
        for check in checks {
            try Task.checkCancellation()
            session.observe(.checkStarted(check))
            let result = try await run(check, round: round, deadline: deadline)
            record.results.withLock { $0.append(result) }
            session.observe(.checkEnded(result))
        }
    }

    /// The session with the target that ``TargetChoice`` selects from the model list, if the operator left the choice to it.
    private func withTarget(for name: TestName, _ session: Session) async throws -> Session {
        let usesTargetChoice =
            switch name {
            case .wakeOnLAN, .dialects: options.wakeOnLAN.targetSource == .modelList
            case .workloadRouting: options.workloadRouting.targetSource == .modelList
            case .modelRouting, .authentication: false
            }
        guard usesTargetChoice else { return session }
        do {
            let list = try await session.modelList(as: try await session.tokens.credential(.specific))
            var copy = session
            if name != .workloadRouting {
                copy.options.wakeOnLAN.model = TargetChoice.forWake(list)
            } else {
                copy.options.workloadRouting.model = TargetChoice.forLoad(list)
            }
            return copy
        } catch let problem as TokenProblem where problem.isWrongUsage {
            throw problem
        } catch {
            try Task.checkCancellation()
            // The checks report the missing list; they use the default target.
            return session
        }
    }
    private func run(
        _ check: PlannedCheck, round: Int, deadline: ContinuousClock.Instant?
    ) async throws -> CheckResult {
        let started = ContinuousClock.now
        let finding: Finding
        if let deadline, started >= deadline {
            finding = .inconclusive("the run's --deadline passed before this check")
        } else {
            finding = try await outcome(of: check)
        }
        return CheckResult(
            test: check.test, id: check.description.id, requirement: check.description.requirement,
            level: finding.level ?? check.description.level, verdict: finding.verdict,
            summary: shown(finding.summary), evidence: finding.evidence.map(redacted),
            duration: ContinuousClock.now - started, missingOption: finding.missingOption,
            sharesReason: finding.sharesReason, cause: finding.cause,
            figure: finding.figure?.redacted(by: redactor),
            round: round)
    }

    /// Turns an error of a check into a finding; rethrows only cancellation and usage errors.
    private func outcome(of check: PlannedCheck) async throws -> Finding {
        do {
            return try await check.run()
        } catch let finding as Finding {
            return finding
        } catch let failed as RequestFailed where failed.failure == .deadlinePassed {
            return .inconclusive("\(failed.failure)")
        } catch let failed as RequestFailed {
            return .fail("\(failed.failure)", Evidence(failed, expected: "a response"))
        } catch let problem as TokenProblem where !problem.isWrongUsage {
            return .fail("no token: \(problem)")
        } catch let problem as TokenProblem {
            throw problem
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            try Task.checkCancellation()
            return .fail(ErrorText.of(error))
        }
    }

    private func redacted(_ evidence: Evidence) -> Evidence {
        Evidence(
            sent: shown(evidence.sent), received: shown(evidence.received), expected: shown(evidence.expected),
            curl: shown(evidence.curl.replacing("$URL", with: deployment.description)))
    }

    private func shown(_ text: String) -> String { VisibleText.of(redactor.redact(text)) }
}

/// The first request of a run: distinguishes a wrong address from a deployment that violates its contract.
struct Reachability: Sendable {
    let session: Session

    /// Why the deployment cannot be tested, in one line; nil if the checks can begin.
    func problem() async throws -> String? {
        do {
            let credential = try await session.tokens.credential(.basic)
            let exchange = try await session.get("/v1/models", as: credential)
            if session.isRefused(exchange, as: .unauthenticated), session.tokens.hasTokens,
                TokenText.hasExpired(try await session.tokens.token(role: nil))
            {
                return "the token has expired and the deployment refuses it: provide a new one"
            }
            return exchange.foreignAPIReason(at: session.client.deployment)
        } catch let problem as TokenProblem where !problem.isWrongUsage {
            return "\(problem)"
        } catch let failed as RequestFailed {
            return "\(failed.failure)"
        }
    }
}
