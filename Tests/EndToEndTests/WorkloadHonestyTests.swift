import Foundation
import Testing

/// The workload test against other deployments: it must detect the unfair one and pass the fair one.
@Suite(.enabled(if: Python.isThere, Python.missing))
struct WorkloadHonestyTests {
    /// Well-formed and without a valid signature: the stand-in does not verify it.
    private static let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ0ZXN0ZXIifQ.c2lnbmF0dXJl"

    @Test(arguments: [("fair", Int32(0)), ("one-sided", 1)])
    func `everything on one of two ready runners fails`(behaviour: String, code: Int32) async throws {
        let deployment = Program.script("Tests/EndToEndTests/deployments/one_sided.py", [behaviour])
        let run = try await RunningProcess.run(deployment.interpretedByPython()) { process in
            let url = try await process.ready().url
            return try await Program.simpleai("test", "workload-routing", "--url", url, "--token", Self.token)
                .run(within: .seconds(120))
        }
        #expect(run.code == code, "\(run.text)")
        let verdict = code == 0 ? "PASS" : "FAIL"
        let line = run.output.split(separator: "\n").first { $0.contains(" workload-routing.spread ") } ?? ""
        #expect(line.hasPrefix(verdict), "\(run.output)")
    }
}
