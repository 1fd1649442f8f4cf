import Foundation
import Testing

/// Ctrl-C at any moment: the program ends at once, reports the interruption, and leaves terminal, reports and
/// processes in order.
///
/// The program exits after 0.9 seconds even if a part of it hangs, but then without a report: a report that says
/// "interrupted" proves an orderly shutdown.
@Suite(.serialized, .devFleet("--boot-delay", "600"), .enabled(if: Python.isThere, Python.missing))
struct InterruptionTests {
    @Test func `while the local fleet starts`() async throws {
        try await withTemporaryFolder { folder in
            // Its directory is the first that the fleet creates.
            let temporary = folder.appendingPathComponent("temporary")
            try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: true)
            try await expectOrderlyEnd(
                in: folder, ["test", "all", "--local"], environment: ["TMPDIR": temporary.path],
                at: .file("\(temporary.path)/*"))
            let left = try FileManager.default.contentsOfDirectory(atPath: temporary.path)
            #expect(left.isEmpty, "the fleet's keys are left behind: \(left)")
        }
    }

    @Test func `while the local fleet is tested`() async throws {
        try await withTemporaryFolder { folder in
            let temporary = folder.appendingPathComponent("temporary")
            try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: true)
            try await expectOrderlyEnd(
                in: folder, ["test", "wol", "--local"], environment: ["TMPDIR": temporary.path],
                at: .text("since the calls were sent"), passed: "wol.sleep.proven")
            let left = try FileManager.default.contentsOfDirectory(atPath: temporary.path)
            #expect(left.isEmpty, "the fleet's keys are left behind: \(left)")
        }
    }

    @Test func `while calls are held for a wake`() async throws {
        let fleet = try DevFleet.current()
        try await withTemporaryFolder { folder in
            try await expectOrderlyEnd(
                in: folder,
                ["test", "wol", "--url", fleet.url, "--token", try fleet.token(), "--model", "class:big"],
                at: .text("since the calls were sent"), passed: "wol.sleep.proven")
        }
    }

    @Test(arguments: [1, 2])
    func `while a load runs, also when the keys are pressed again`(presses: Int) async throws {
        let fleet = try DevFleet.current()
        try await withTemporaryFolder { folder in
            try await expectOrderlyEnd(
                in: folder,
                [
                    "test", "workload-routing", "--url", fleet.url, "--token", try fleet.token(), "--requests",
                    "100000",
                ], at: .text("of 100000 calls"), presses: presses)
        }
    }

    @Test func `while a token program hangs`() async throws {
        let fleet = try DevFleet.current()
        try await withTemporaryFolder { folder in
            try writeScript("issue", in: folder, Self.hanging)
            try await expectOrderlyEnd(
                in: folder, ["test", "auth", "--url", fleet.url, "--token-binary", "./issue"],
                at: .file("\(folder.path)/pid"))
            try expectEnded("\(folder.path)/pid")
        }
    }

    @Test func `while the sleep command hangs`() async throws {
        let fleet = try DevFleet.current()
        try await withTemporaryFolder { folder in
            try writeScript("sleep-now", in: folder, Self.hanging)
            try await expectOrderlyEnd(
                in: folder,
                ["test", "wol", "--url", fleet.url, "--token", try fleet.token(), "--sleep-command", "./sleep-now"],
                at: .file("\(folder.path)/pid"), passed: "wol.list.initial")
            try expectEnded("\(folder.path)/pid")
        }
    }

    @Test(arguments: ["http", "https"])
    func `while an address accepts and says nothing`(scheme: String) async throws {
        try await withTemporaryFolder { folder in
            let mark = folder.appendingPathComponent("mark").path
            let silent = Program.script("Tests/EndToEndTests/deployments/broken.py", ["silent", "--mark", mark])
            try await RunningProcess.run(silent.interpretedByPython()) { process in
                let url = try await process.ready().url.replacing("http:", with: "\(scheme):")
                try await expectOrderlyEnd(
                    in: folder, ["test", "auth", "--url", url, "--token", "anything"], at: .file(mark))
            }
        }
    }

    /// Reports that it runs, and then hangs, with a child that hangs, too.
    private static let hanging = "sleep 600 &\necho $$ > pid.new; mv pid.new pid; wait"

    // MARK: Criteria for an orderly shutdown

    private func expectOrderlyEnd(
        in folder: URL, _ arguments: [String], environment: [String: String] = [:], at moment: Terminal.Moment,
        presses: Int = 1, passed: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let reports = ["--report", "junit=r.xml,json=r.json,html=r.html,tap=r.tap"]
        let program = Program(Repository.binary, arguments + reports, environment: environment, directory: folder)
        let left = try await Terminal.interrupt(program, at: moment, presses: presses)
        print("interrupted \(arguments.prefix(3).joined(separator: " ")): ended after \(left.seconds ?? -1) s")
        #expect(left.code == 130, "\(left)", sourceLocation: sourceLocation)

        let last = left.screen.last { !$0.isEmpty } ?? ""
        #expect(last.hasPrefix("interrupted: "), "\(left.text)", sourceLocation: sourceLocation)
        #expect(!left.text.contains("····"), "the live line is left:\n\(left.text)", sourceLocation: sourceLocation)
        #expect(left.screen.last == "", "the prompt would not begin a line", sourceLocation: sourceLocation)
        #expect(left.isPlain && left.cursorIsVisible && left.modesAreKept, "\(left)", sourceLocation: sourceLocation)

        let json = try JSONSerialization.jsonObject(with: try Self.report("r.json", in: folder)) as? [String: Any]
        #expect(json?["conclusion"] as? String == "interrupted", sourceLocation: sourceLocation)
        #expect(json?["exitCode"] as? Int == 130, sourceLocation: sourceLocation)
        let checks = (json?["checks"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
        if let passed { #expect(checks.contains(passed), "\(checks)", sourceLocation: sourceLocation) }

        let junit = try Self.report("r.xml", in: folder)
        let reader = "import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])"
        let file = folder.appendingPathComponent("r.xml").path
        let parsed = try await Program(try #require(Python.path("python3")), ["-c", reader, file]).run()
        #expect(parsed.code == 0, "\(parsed.errors)", sourceLocation: sourceLocation)
        let tap = String(decoding: try Self.report("r.tap", in: folder), as: UTF8.self)
        #expect(tap.contains("\n1..\(checks.count)\n"), sourceLocation: sourceLocation)
        let html = String(decoding: try Self.report("r.html", in: folder), as: UTF8.self)
        #expect(html.contains("</html>"), sourceLocation: sourceLocation)
        for (name, text) in [("r.xml", String(decoding: junit, as: UTF8.self)), ("r.tap", tap), ("r.html", html)] {
            #expect(text.lowercased().contains("interrupted"), "\(name):\n\(text)", sourceLocation: sourceLocation)
        }
    }

    private static func report(_ name: String, in folder: URL) throws -> Data {
        try Data(contentsOf: folder.appendingPathComponent(name))
    }

    /// Expects that the program whose process id is in the file has ended.
    private func expectEnded(_ file: String) throws {
        let text = try String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        let id = try #require(Int32(text))
        #expect(kill(id, 0) != 0 && errno == ESRCH, "process \(id) still runs")
    }
}

/// Commands without a report: they only end.
@Suite(.serialized, .enabled(if: Python.isThere, Python.missing)) struct OtherInterruptionTests {
    @Test func `get-token while a provider hangs`() async throws {
        try await withTemporaryFolder { folder in
            let mark = folder.appendingPathComponent("mark").path
            let silent = Program.script("Tests/EndToEndTests/deployments/broken.py", ["silent", "--mark", mark])
            try await RunningProcess.run(silent.interpretedByPython()) { process in
                let settings = "issuer: \(try await process.ready().url)\nclient: { id: simpleai, secret: s }\n"
                let file = folder.appendingPathComponent("provider.yaml")
                try Data(settings.utf8).write(to: file)
                let left = try await Terminal.interrupt(
                    Program(Repository.binary, ["token", "--provider", file.path], directory: folder), at: .file(mark))
                #expect(left.code == 130, "\(left)")
                #expect(left.screen.allSatisfy { $0.isEmpty || $0 == "^C" }, "\(left.text)")
                #expect(left.isPlain && left.cursorIsVisible && left.modesAreKept, "\(left)")
            }
        }
    }

    @Test func `a local fleet ends cleanly`() async throws {
        try await withTemporaryFolder { folder in
            let program = Program(
                Repository.binary, ["dev"], environment: ["TMPDIR": folder.path, "XDG_RUNTIME_DIR": folder.path])
            let left = try await Terminal.interrupt(program, at: .text("Press Ctrl-C to stop"))
            #expect(left.code == 0, "\(left)")
            #expect(left.isPlain && left.cursorIsVisible && left.modesAreKept, "\(left)")
            let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            #expect(files.isEmpty, "left behind: \(files)")
        }
    }

    @Test func `a gateway ends cleanly`() async throws {
        try await withTemporaryFolder { folder in
            let settings = """
                server: { port: 0 }
                auth: { mode: none }
                classes: { fast: [ "a:1b" ] }
                runners: [ { id: one, url: "http://127.0.0.1:9", models: [ "a:1b" ] } ]
                fleet: { state_file: \(folder.path)/state.json }
                """
            try Data(settings.utf8).write(to: folder.appendingPathComponent("simpleai.yaml"))
            let program = Program(Repository.binary, ["serve", "--json"], directory: folder)
            let left = try await Terminal.interrupt(program, at: .text(#""url":"#))
            #expect(left.code == 0, "\(left)")
            #expect(left.isPlain && left.cursorIsVisible && left.modesAreKept, "\(left)")
            #expect(!left.text.contains("rror"), "\(left.text)")
        }
    }
}
