import Foundation
import Testing

@testable import RunnerAgent

@Suite(.timeLimit(.minutes(5))) struct ProgramTests {
    @Test func returnsTheExitCodeAndTheLastOutput() async throws {
        let ending = try await Program(["sh", "-c", "echo one; echo two >&2; exit 7"]).run()
        #expect(ending == Program.Ending(code: 7, lastOutput: "one\ntwo"))
    }

    @Test func keepsOnlyTheEndOfTheOutput() async throws {
        let ending = try await Program(["sh", "-c", "seq 1 5000"]).run(keeping: 10)
        #expect(ending.lastOutput == "4999\n5000")
    }

    @Test func reportsAMissingExecutable() {
        #expect(throws: Program.StartFailure.self) { try Program(["no-such-program-here"]) }
        #expect(throws: Program.StartFailure.self) { try Program(["/no/such/program"]) }
        #expect(throws: Program.StartFailure.self) { try Program([]) }
    }

    @Test func terminatesACancelledProcess() async throws {
        let (pids, started) = AsyncStream.makeStream(of: Int32.self)
        let program = try Program(["sleep", "600"])
        let ending = await withTaskGroup(of: Program.Ending?.self) { group in
            group.addTask { try? await program.run { started.yield($0) } }
            for await _ in pids { break }
            group.cancelAll()
            return await group.next() ?? nil
        }
        #expect(ending?.code == -SIGTERM)
    }

    @Test func outputIsCompleteOrNil() async throws {
        #expect(try await Program(["sh", "-c", "seq 1 3"]).output(within: .seconds(30)) == "1\n2\n3")
        #expect(try await Program(["sh", "-c", "echo x; exit 1"]).output(within: .seconds(30)) == nil)
        #expect(try await Program(["sleep", "600"]).output(within: .milliseconds(50)) == nil)
    }
}
