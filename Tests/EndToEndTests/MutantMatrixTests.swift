import Foundation
import Testing

/// The suite against deployments with one defect each: every defect is detected, and no correct behaviour is reported
/// as one.
@Suite(.enabled(if: Python.isThere, Python.missing))
struct MutantMatrixTests {
    @Test func `every mutant is noticed and no correct deployment is blamed`() async throws {
        let build = Repository.products.path
        let run = try await Program.script("scripts/mutants", ["--build", build, "--detectors"])
            .interpretedByPython().run(within: .seconds(600))
        #expect(run.code == 0, "\(run.text)")
        #expect(run.output.contains(" 0 things are wrong"), "\(run.text)")
    }
}
