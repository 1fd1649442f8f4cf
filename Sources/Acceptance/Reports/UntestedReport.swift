extension SuiteReport {
    /// The report of a run that ended before its first check.
    ///
    /// - Parameter aborted: why it could not begin, in one sentence for the operator; nil if it was interrupted.
    public static func untested(
        _ tests: [TestName], of deployment: DeploymentAddress, options: SuiteOptions, aborted: String?
    ) -> SuiteReport {
        SuiteReport(
            deployment: deployment, tests: tests, seed: options.seed, allowsInconclusive: options.allowsInconclusive,
            results: [], aborted: aborted, interrupted: aborted == nil,
            stamp: RunClock().stamp(version: options.version),
            rounds: options.rounds)
    }
}
