import Acceptance
import ArgumentParser
import Foundation

/// The options that all tests share.
struct TestOptions: ParsableArguments {
    @Option(
        help: .init(
            "Deployment under test (default: $SIMPLEAI_URL, else \(TokenAdmission.defaultURL)).", valueName: "base-url")
    )
    var url: String?
    @Flag(help: "Start a local fleet and test it; requires no URL or token.")
    var local = false
    @Flag(help: "With --local: cut the sleeping machine's power, to prove that the suite can fail.")
    var cutPower = false
    @OptionGroup(title: "Local fleet (with --local)") var fleet: FleetShape
    @Option(help: "JWT to use (default: $SIMPLEAI_TEST_TOKEN).")
    var token: String?
    @Option(
        help: .init("Program that prints a JWT, called with --user U and --role R.", valueName: "path"),
        completion: .file())
    var tokenBinary: String?
    @Option(
        help: .init("An expired token of the same issuer, to check that it is refused.", valueName: "token"))
    var expiredToken: String?
    @Flag(help: "The deployment has no authentication: send no credentials, and check that it accepts all.")
    var noAuth = false
    @Option(
        help: .init(
            "Status codes that count as a refusal instead of the suite's: denied, unauthenticated or unknown.",
            valueName: "name=code,…"))
    var expectStatus: [String] = []
    @Option(
        help: .init(
            "Timeout per request (default: 120 for wol, 60 for model and workload routing and dialects, 30 for auth).",
            valueName: "seconds"))
    var timeout: Double?
    @Option(help: .init("Timeout of the whole run.", valueName: "seconds"))
    var deadline: Double?
    @Flag(name: .customLong("no-verify-ssl"), help: "Accept any certificate.")
    var noVerifySSL = false
    @Flag(help: "Allow sending tokens over plain http to public addresses.")
    var allowInsecure = false
    @Option(
        name: .customLong("repeat"),
        help: .init("Repeat the run n times, each with the next seed; every run counts.", valueName: "n"))
    var rounds = 1
    @Flag(help: "Do not fail on inconclusive checks.")
    var allowInconclusive = false
    @Option(help: .init("Reports to write: junit=FILE,json=FILE,html=FILE,tap=FILE.", valueName: "kind=file,…"))
    var report: [String] = []
    @Flag(help: "Print annotations for GitHub Actions: one line per failed check.")
    var github = false
    @Flag(help: "Print the checks and exit.")
    var list = false
    @Option(help: .init("Run only these checks, by id or id prefix (wol.wake).", valueName: "id"))
    var only: [String] = []
    @Option(help: .init("Skip these checks.", valueName: "id"))
    var skip: [String] = []
    @Option(help: .init("Makes prompts repeatable.", valueName: "number"))
    var seed: UInt64?
    @Flag(name: .shortAndLong, help: "Print each check's requirement and a line per request.")
    var verbose = false
    @Flag(help: "Print all requests and responses, with tokens redacted.")
    var debug = false

    func validate() throws {
        guard !local || (url == nil && token == nil && tokenBinary == nil && expiredToken == nil) else {
            throw ValidationError("--local has its own URL and tokens: remove --url, --token and related options")
        }
        guard !noAuth || (!local && token == nil && tokenBinary == nil && expiredToken == nil) else {
            throw ValidationError("--no-auth and --local are mutually exclusive: the local fleet requires tokens")
        }
        guard local || !cutPower else { throw ValidationError("--cut-power requires --local") }
        guard local || fleet.isStandard else {
            throw ValidationError(
                "--machines, --asleep, --speeds, --lose-packets, --never-boot and --wrong-model describe the local "
                    + "fleet: they require --local")
        }
        guard (1...1000).contains(rounds) else { throw ValidationError("--repeat must be 1 to 1000") }
        for (name, value) in [("--timeout", timeout), ("--deadline", deadline)] {
            guard value.map({ $0 > 0 && $0 <= 1_000_000 }) ?? true else {
                throw ValidationError("\(name) must be a number of seconds above 0")
            }
        }
        _ = try reportFiles()
        _ = try expectedStatuses()
    }

    var verbosity: Int { debug ? 2 : verbose ? 1 : 0 }

    /// The reports to write, in the order given.
    func reportFiles() throws -> [(format: ReportFormat, path: String)] {
        try report.flatMap { $0.split(separator: ",") }.map { item in
            let parts = item.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, !parts[1].isEmpty else {
                throw ValidationError("--report must be kind=file, such as junit=report.xml, not '\(item)'")
            }
            guard let format = ReportFormat(rawValue: parts[0]) else {
                throw ValidationError("--report supports junit, json, html and tap, not '\(parts[0])'")
            }
            // Found before the run, not after it.
            let folder = URL(fileURLWithPath: parts[1]).deletingLastPathComponent().path
            guard FileManager.default.isWritableFile(atPath: folder) else {
                throw ValidationError("--report \(item): the folder \(folder) does not exist or is not writable")
            }
            return (format, parts[1])
        }
    }

    private func expectedStatuses() throws -> ExpectedStatuses {
        try expectStatus.reduce(into: ExpectedStatuses()) { statuses, item in
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else {
                throw ValidationError("--expect-status must be name=code,code, such as denied=403, not '\(item)'")
            }
            guard let refusal = ExpectedStatuses.Refusal(rawValue: parts[0]) else {
                let names = ExpectedStatuses.Refusal.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--expect-status supports \(names), not '\(parts[0])'")
            }
            let codes = try parts[1].split(separator: ",", omittingEmptySubsequences: false).map { text in
                guard let code = Int(text), ExpectedStatuses.possible.contains(code) else {
                    throw ValidationError(
                        "--expect-status \(parts[0]): '\(text)' is not a status code from 400 to 499"
                    )
                }
                return code
            }
            statuses.name(Set(codes), for: refusal)
        }
    }

    /// The suite's options that are common to all tests.
    func suiteOptions() throws -> SuiteOptions {
        var options = seed.map { SuiteOptions(seed: $0) } ?? SuiteOptions()
        options.timeout = timeout.map { .seconds($0) }
        options.deadline = deadline.map { .seconds($0) }
        options.verifiesCertificates = !noVerifySSL
        options.allowsInconclusive = allowInconclusive
        options.rounds = rounds
        options.expectedStatuses = try expectedStatuses()
        options.version = SimpleAI.version
        options.only = only
        options.skip = skip
        return options
    }
}

struct WakeOnLANOptions: ParsableArguments {
    @Flag(help: "Grade the wake: fast below 30 s, moderate up to 60 s, otherwise slow.")
    var timing = false
    @Option(help: .init("Fail if the wake takes longer.", valueName: "seconds"))
    var maxWake: Double?
    @Option(help: .init("Command that puts the target's machine to sleep if it is awake.", valueName: "command"))
    var sleepCommand: String?
    @Option(help: .init("Local UDP port that receives magic packets or copies of them.", valueName: "port"))
    var packetPort: Int?

    func validate() throws {
        guard maxWake.map({ $0 > 0 && $0 <= 1_000_000 }) ?? true else {
            throw ValidationError("--max-wake must be a number of seconds above 0")
        }
        guard packetPort.map({ (1...65535).contains($0) }) ?? true else {
            throw ValidationError("--packet-port must be 1 to 65535")
        }
    }

    func apply(to options: inout SuiteOptions) throws {
        options.wakeOnLAN.grades = timing
        options.wakeOnLAN.maxWake = maxWake.map { .seconds($0) }
        if let packetPort { options.wakeOnLAN.packetPort = packetPort }
        if let sleepCommand { options.wakeOnLAN.putToSleep = try TestRun.sleepCommand(sleepCommand) }
    }
}

struct ModelRoutingOptions: ParsableArguments {
    @Option(
        parsing: .upToNextOption,
        help: .init("Classes and models to request: one or more values.", valueName: "model"))
    var models: [String] = []
    @Flag(help: "Also test which callers may request exact ids.")
    var testPermissions = false
    @Option(help: .init("Members of a class if the model list has no classes: fast=a,b.", valueName: "class=ids"))
    var classMap: [String] = []

    func validate() throws {
        _ = try parsedClassMap()
    }

    func apply(to options: inout SuiteOptions) throws {
        options.modelRouting.models = models
        options.modelRouting.testsPermissions = testPermissions
        options.classMap = try parsedClassMap()
    }

    private func parsedClassMap() throws -> [String: Set<String>] {
        try classMap.reduce(into: [:]) { map, item in
            let parts = item.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else {
                throw ValidationError("--class-map must be class=id,id, such as fast=llama3:8b, not '\(item)'")
            }
            let name = parts[0].trimmingPrefix("class:")
            map[String(name), default: []].formUnion(parts[1].split(separator: ",").map(String.init))
        }
    }
}

struct WorkloadRoutingOptions: ParsableArguments {
    @Option(
        help: .init("Number of calls (default: as many as the decision requires, 12 for two runners).", valueName: "n"))
    var requests: Int?
    @Option(help: .init("Number of concurrent calls.", valueName: "n"))
    var workers = 10
    @Flag(help: "Also send the same number sequentially, and check the order of the runners.")
    var sequential = false
    @Flag(help: "Measure percentiles per runner, queueing, and throughput compared with one worker.")
    var analyzeTiming = false
    @Option(help: .init("Response header that names the runner.", valueName: "name"))
    var runnerHeader: String?
    @Option(help: .init("Number of runners that can serve the target.", valueName: "n"))
    var runners: Int?
    @Option(help: .init("Concurrent calls per runner; load is then compared per slot.", valueName: "n"))
    var slots: Int?
    @Option(help: "Routing policy of the deployment.")
    var policy: DeclaredPolicy?

    func validate() throws {
        guard requests.map({ (1...100_000).contains($0) }) ?? true else {
            throw ValidationError("--requests must be 1 to 100000")
        }
        guard (1...1000).contains(workers) else { throw ValidationError("--workers must be 1 to 1000") }
        guard runners.map({ $0 > 0 }) ?? true else { throw ValidationError("--runners must be above 0") }
        guard slots.map({ $0 > 0 }) ?? true else { throw ValidationError("--slots must be above 0") }
    }

    func apply(to options: inout SuiteOptions) throws {
        options.workloadRouting.requests = requests
        options.workloadRouting.workers = workers
        options.workloadRouting.sequential = sequential
        options.workloadRouting.analyzesTiming = analyzeTiming
        options.workloadRouting.runnerHeader = runnerHeader
        options.workloadRouting.runners = runners
        options.workloadRouting.slots = slots
        options.workloadRouting.policy = policy.map { $0 == .roundRobin ? .roundRobin : .leastBusy }
    }
}

enum DeclaredPolicy: String, CaseIterable, ExpressibleByArgument {
    case roundRobin = "round-robin"
    case leastBusy = "least-busy"
}

struct AuthenticationOptions: ParsableArguments {
    @Option(help: .init("Path of the admin API.", valueName: "path"))
    var adminPath = "/admin"

    func validate() throws {
        guard adminPath.hasPrefix("/") else { throw ValidationError("--admin-path must begin with a slash") }
    }

    func apply(to options: inout SuiteOptions) {
        options.authentication.adminPath = adminPath
    }
}

struct DialectOptions: ParsableArguments {
    @Option(
        help: .init(
            "An endpoint that the deployment has, and the model to request there; only these are tested. "
                + "Endpoints: \(Endpoint.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "name[=model]"))
    var endpoint: [String] = []

    func validate() throws {
        _ = try parsedEndpoints()
    }

    func apply(to options: inout SuiteOptions) throws {
        options.dialects.endpoints = try parsedEndpoints()
    }

    private func parsedEndpoints() throws -> [Endpoint: String?] {
        try endpoint.reduce(into: [:]) { endpoints, item in
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let endpoint = Endpoint(rawValue: parts[0]) else {
                let names = Endpoint.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--endpoint supports \(names), not '\(parts[0])'")
            }
            guard parts.count == 1 || !parts[1].isEmpty else {
                throw ValidationError("--endpoint \(item): the model is empty")
            }
            endpoints[endpoint] = .some(parts.count == 2 ? parts[1] : nil)
        }
    }
}
