import Acceptance
import ArgumentParser
import Foundation

/// Converts the options of a `test` subcommand to a run that does not depend on the argument parser.
struct TestRun {
    let tests: [TestName]
    let common: TestOptions
    /// Sets the options of this test; the argument states whether the deployment is the local fleet.
    let configure: (inout SuiteOptions, Bool) throws -> Void

    init(tests: [TestName], common: TestOptions, configure: @escaping (inout SuiteOptions, Bool) throws -> Void) {
        self.tests = tests
        self.common = common
        self.configure = configure
    }

    /// - Throws: `ValidationError` for a usage error, `ExitCode` for every outcome other than success.
    func run() async throws {
        if common.list {
            print(CheckCatalogue.text(for: tests), terminator: "")
            return
        }
        let unknown = Suite.unknownSelectors(common.only + common.skip, in: tests)
        guard unknown.isEmpty else {
            throw ValidationError("unknown check \(unknown.joined(separator: ", ")); --list shows all")
        }
        var options = try common.suiteOptions()
        do {
            try configure(&options, common.local)
        } catch let problem as TokenProblem {
            throw ValidationError("\(problem)")
        }
        let execution = TestExecution(
            tests: tests, options: options, source: try source(),
            output: TestOutput(
                verbosity: common.verbosity, reports: try common.reportFiles(), annotates: common.github))
        let code = await execution.run()
        guard code == 0 else { throw ExitCode(code) }
    }

    private func source() throws -> TestExecution.Source {
        if common.local { return .local(common.fleet, powerIsCut: common.cutPower) }
        let environment = DotEnvironment(
            process: ProcessInfo.processInfo.environment, directory: FileManager.default.currentDirectoryPath)
        let named = common.url ?? environment["SIMPLEAI_URL"]
        return .remote(
            TestExecution.Remote(
                hasNoAuthentication: common.noAuth,
                url: named ?? TokenAdmission.defaultURL,
                admission: named == nil ? .defaultDeployment : .anywhere,
                token: common.token, tokenBinary: common.tokenBinary,
                environmentToken: environment["SIMPLEAI_TEST_TOKEN"], expiredToken: common.expiredToken,
                allowsInsecure: common.allowInsecure))
    }

    /// The value of `--sleep-command` as a function.
    static func sleepCommand(_ text: String) throws -> @Sendable () async throws -> Void {
        let program = try ExternalProgram(parsing: text, searchPath: ProcessInfo.processInfo.environment["PATH"])
        return { try await program.putToSleep() }
    }
}
