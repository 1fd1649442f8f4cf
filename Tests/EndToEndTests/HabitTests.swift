import Foundation
import Testing

/// The command lines that operators and scripts commonly use, exactly as they type them.
@Suite(.serialized, .devFleet()) struct HabitTests {
    /// The way in which a command is invoked.
    enum Way: String, CaseIterable, Sendable {
        /// `bin/test_auth`, from a checkout.
        case checkout
        /// `test_auth`, from the PATH, where `make install` creates links to the binary.
        case installed
    }

    @Test(arguments: Way.allCases)
    func `models after one option, then others`(way: Way) async throws {
        let passed = try await expect(
            way, "test_model_routing --models class:fast class:big --verbose --timeout 180 --token-binary ./get-token",
            ends: "passed: ")
        #expect(passed.output.contains("class:fast ×5, class:big ×5"), "\(passed.output)")
        // --verbose, in any position: the requirement below its check.
        #expect(passed.output.contains("\n      An exact id is served by exactly that model."), "\(passed.output)")
    }

    @Test func `requests in sequence`() async throws {
        let run = try await expect(
            .installed, "test_workload_routing --sequential --requests 15", withToken: true, ends: "passed: ")
        #expect(run.output.contains("PASS  workload-routing.sequential.answered  15 of 15"), "\(run.output)")
    }

    @Test func `an analysis of timing`() async throws {
        let run = try await expect(
            .checkout, "test_workload_routing --analyze-timing", withToken: true, ends: "passed: ")
        // A busy host measures too coarsely for milliseconds; the suite then reports that instead of figures.
        let analysed = run.output.contains("PASS  workload-routing.timing.response")
        let tooCoarse = run.output.contains(
            "INCONCLUSIVE  workload-routing.timing.response      measured times are accurate to ±")
        #expect(analysed != tooCoarse, "\(run.output)")
    }

    @Test(arguments: Way.allCases)
    func `a token alone is enough for the authentication test`(way: Way) async throws {
        let token = try DevFleet.current().token()
        let run = try await expect(way, "test_auth --token \(token)", ends: "passed: ")
        #expect(run.output.contains("SKIP  auth."), "\(run.output)")
    }

    @Test func `everything that is sent and received, but no token`() async throws {
        let token = try DevFleet.current().token()
        for line in [
            "test_auth --debug --no-verify-ssl --timeout 180 --token \(token)",
            "test_auth --timeout 180 --token-binary ./get-token --debug",
        ] {
            let run = try await expect(.checkout, line, ends: "passed: ")
            #expect(run.output.contains("> POST /v1/chat/completions") && run.output.contains("< 401"))
            #expect(run.output.contains(#""messages":"#), "the bodies are not shown:\n\(run.output)")
            // Text with a token's shape is a token: header and claims are JSON objects in base64.
            #expect(run.text.firstMatch(of: /eyJ[A-Za-z0-9_-]{5,}\.eyJ/) == nil, "\(run.text)")
            for part in token.split(separator: ".").dropFirst() { #expect(!run.text.contains(part), "\(run.text)") }
        }
    }

    @Test func `a model that is not there`() async throws {
        let run = try await expect(
            .checkout, "test_wol -v --token-binary ./get-token --model llama3:8b", ends: "FAILED: ", code: 1)
        #expect(run.output.contains(#"Unknown model "llama3:8b""#), "\(run.output)")
    }

    @Test(.enabled(if: Python.isThere, Python.missing))
    func `the Python file, for a machine that is awake`() async throws {
        let run = try await expect(
            .checkout, "python3 bin/test_wol.py --timeout 180 --debug", withToken: true, ends: "not decided: ", code: 1)
        #expect(run.output.contains("no machine was asleep"), "\(run.output)")
    }

    @Test func `an address in a file, and a wake`() async throws {
        try await withTemporaryFolder { folder in
            // A fleet of its own: in the shared one another test may have woken the machine already.
            let environment = ["XDG_RUNTIME_DIR": folder.path]
            let dev = Program(Repository.binary, ["dev", "--json", "--boot-delay", "0.5"], environment: environment)
            try await RunningProcess.run(dev) { process in
                let settings = "# which deployment\nexport SIMPLEAI_URL=\"\(try await process.ready().url)\"\n"
                try Data(settings.utf8).write(to: folder.appendingPathComponent(".env"))
                let line = "test_wol -v --token-binary ./get-token --model sim-large:70b"
                let run = try await command(.checkout, line, in: folder, environment).run(within: .seconds(120))
                expect(run, ends: "passed: ", code: 0)
                #expect(run.output.contains("PASS  wol.wake.single-flight"), "\(run.output)")
            }
        }
    }

    @Test(arguments: [true, false])
    func `a token program with a space`(isInItsName: Bool) async throws {
        try await withTemporaryFolder { folder in
            if isInItsName {
                try writeScript("issue token", in: folder, #"exec ./get-token "$@""#)
            } else {
                try writeScript("issue", in: folder, #"[ "$1" = token ] || exit 9; shift; exec ./get-token "$@""#)
            }
            let run = try await test(
                .checkout, ["test_auth", "--only", "auth.specific", "--token-binary", "./issue token"], in: folder)
            expect(run, ends: "passed: ", code: 0)
            // Not a skip: the token program was called with a role, after its own argument.
            #expect(run.output.contains("PASS  auth.specific.existing-id"), "\(run.output)")
        }
    }

    // MARK: Running a command line

    @discardableResult
    private func expect(
        _ way: Way, _ line: String, withToken: Bool = false, ends verdict: String, code: Int32 = 0,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> RunningProcess.Ended {
        try await withTemporaryFolder { folder in
            let run = try await test(way, line.split(separator: " ").map(String.init), in: folder, withToken: withToken)
            expect(run, ends: verdict, code: code, sourceLocation: sourceLocation)
            return run
        }
    }

    private func expect(
        _ run: RunningProcess.Ended, ends verdict: String, code: Int32,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(run.code == code, "\(run.text)", sourceLocation: sourceLocation)
        let last = run.output.split(separator: "\n").last ?? ""
        #expect(last.hasPrefix(verdict) && last.contains(" passed, "), "\(run.text)", sourceLocation: sourceLocation)
        #expect(run.errors == "", sourceLocation: sourceLocation)
    }

    /// Runs the words against the suite's fleet, whose address is in the environment.
    private func test(
        _ way: Way, _ words: [String], in folder: URL, withToken: Bool = false
    ) async throws -> RunningProcess.Ended {
        let fleet = try DevFleet.current()
        var environment = fleet.environment.merging(["SIMPLEAI_URL": fleet.url]) { _, new in new }
        if withToken { environment["SIMPLEAI_TEST_TOKEN"] = try fleet.token() }
        return try await command(way, words.joined(separator: "\u{0}"), separator: "\u{0}", in: folder, environment)
            .run(within: .seconds(120))
    }

    /// A command line as typed in `folder`, which contains `./get-token`.
    private func command(
        _ way: Way, _ line: String, separator: Character = " ", in folder: URL, _ environment: [String: String]
    ) throws -> Program {
        var words = line.split(separator: separator).map(String.init)
        let getToken: URL
        var environment = environment
        switch way {
        case .checkout:
            getToken = Repository.file("bin/get-token")
            environment["SIMPLEAI_BIN"] = Repository.binary.path
            let script = words[0] == "python3" ? 1 : 0
            words[script] = Repository.file("bin/\(words[script].split(separator: "/").last ?? "")").path
        case .installed:
            let programs = folder.appendingPathComponent("bin")
            try Self.install(in: programs)
            getToken = programs.appendingPathComponent("get-token")
            let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
            environment["PATH"] = "\(programs.path):\(path)"
        }
        try FileManager.default.createSymbolicLink(
            at: folder.appendingPathComponent("get-token"), withDestinationURL: getToken)
        return Program(
            URL(fileURLWithPath: "/usr/bin/env"), words, environment: environment, directory: folder)
    }

    /// Does what `make install` does, for the binary that was built: the names come from the Makefile.
    private static func install(in folder: URL) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let makefile = try String(contentsOf: Repository.file("Makefile"), encoding: .utf8)
        let names = try #require(makefile.firstMatch(of: /\nCOMMANDS = (.+)\n/)?.1).split(separator: " ")
        try FileManager.default.createSymbolicLink(
            at: folder.appendingPathComponent("simpleai"), withDestinationURL: Repository.binary)
        for name in names {
            try FileManager.default.createSymbolicLink(
                atPath: folder.appendingPathComponent(String(name)).path, withDestinationPath: "simpleai")
        }
    }
}
