import Foundation
import Testing

/// `simpleai test wol --local` against fleets with a failure between a packet and a machine that serves: the test
/// passes if the calls are served nevertheless, and fails if not.
@Suite(.serialized) struct FleetVariantTests {
    private func test(_ options: [String]) async throws -> RunningProcess.Ended {
        // Once is enough, and the suite would wait as long for a machine that never wakes as for one that may.
        let program = Program(Repository.binary, ["test", "wol", "--local", "--skip", "wol.wake.again"] + options)
        return try await program.run(within: .seconds(300))
    }

    @Test(arguments: [
        // The fourth packet, seven seconds after the first.
        (["--lose-packets", "3"], machines: 1),
        (["--machines", "5", "--asleep", "3"], machines: 1),
        // The machine that is woken first never serves; the other one does.
        (["--machines", "3", "--asleep", "2", "--never-boot", "1"], machines: 2),
        (["--machines", "3", "--asleep", "2", "--wrong-model", "1"], machines: 2),
    ])
    func `the promise is kept`(options: [String], machines: Int) async throws {
        let run = try await test(options)
        #expect(run.code == 0, "\(run.text)")
        #expect(run.output.contains("PASS  wol.calls.answered"), "\(run.output)")
        let packets = run.output.split(separator: "\n").first { $0.hasPrefix("PASS  wol.wake.packet") } ?? ""
        #expect(packets.matches(of: /02:53:41:49:00:\d\d/).count == machines, "\(packets)")
    }

    @Test(arguments: [["--never-boot", "1"], ["--wrong-model", "1"], ["--cut-power"]])
    func `the promise is broken`(options: [String]) async throws {
        let run = try await test(options)
        #expect(run.code == 1, "\(run.text)")
        #expect(run.output.contains("FAIL  wol.calls.answered"), "\(run.output)")
    }

    @Test func `what does not fit together is refused`() async throws {
        for options in [["--never-boot", "2"], ["--asleep", "0", "--wrong-model", "1"], ["--lose-packets", "-1"]] {
            let run = try await test(options)
            #expect(run.code == 2, "\(run.text)")
        }
        let elsewhere = try await Program.simpleai("test", "wol", "--url", "http://127.0.0.1:1", "--never-boot", "1")
            .run()
        #expect(elsewhere.code == 2 && elsewhere.text.contains("--local"), "\(elsewhere.text)")
    }
}
