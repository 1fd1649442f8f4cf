import Acceptance
import ArgumentParser

/// The options that all tests share.
struct TestOptions: ParsableArguments {
    @Option(
        help: .init(
            "Deployment under test (default: $SIMPLEAI_URL, else \(TokenAdmission.defaultURL)).", valueName: "base-url")
    )
    var url: String?
    @Flag(help: "Start a local fleet and test that; no url or token needed.")
    var local = false
    @Flag(help: "With --local: cut the sleeping machine's power, to see that the suite can fail.")
    var cutPower = false
    @OptionGroup(title: "Local fleet (with --local)") var fleet: FleetShape
    @Option(help: "JWT to use (default: $SIMPLEAI_TEST_TOKEN).")
    var token: String?
    @Option(help: .init("Program that prints a JWT, called with --user U and --role R.", valueName: "path"))
    var tokenBinary: String?
    @Option(
        help: .init("A token of the same issuer that was good once, to see that it is refused.", valueName: "token"))
    var expiredToken: String?
    @Flag(help: "The deployment asks nobody for credentials: send none, and test that this is so.")
    var noAuth = false
    @Option(
        help: .init(
            "Status codes of refusals where yours are not the contract's: denied, unauthenticated or unknown.",
            valueName: "name=code,…"))
    var expectStatus: [String] = []
    @Option(help: .init("Per request; default wol 120, model and workload routing 60, auth 30.", valueName: "seconds"))
    var timeout: Double?
    @Option(help: .init("The whole run.", valueName: "seconds"))
    var deadline: Double?
    @Flag(name: .customLong("no-verify-ssl"), help: "Accept any certificate.")
    var noVerifySSL = false
    @Flag(help: "Send tokens over plain http to public addresses, too.")
    var allowInsecure = false
    @Option(
        name: .customLong("repeat"),
        help: .init("Run everything n times, each with the next seed; every run counts.", valueName: "n"))
    var rounds = 1
    @Flag(help: "Do not fail for what could not be decided.")
    var allowInconclusive = false
    @Option(help: .init("Reports to write: junit=FILE,json=FILE,html=FILE,tap=FILE.", valueName: "kind=file,…"))
    var report: [String] = []
    @Flag(help: "Print annotations for GitHub Actions: a line per check that did not hold.")
    var github = false
    @Flag(help: "Print the checks and end.")
    var list = false
    @Option(help: .init("Run only these checks: an id, or its beginning (wol.wake).", valueName: "id"))
    var only: [String] = []
    @Option(help: .init("Leave these checks out.", valueName: "id"))
    var skip: [String] = []
    @Option(help: .init("Makes prompts repeatable.", valueName: "number"))
    var seed: UInt64?
    @Flag(name: .shortAndLong, help: "Each check's requirement and a line per request.")
    var verbose = false
    @Flag(help: "Everything that is sent and received, tokens redacted.")
    var debug = false

    func validate() throws {
        guard !local || (url == nil && token == nil && tokenBinary == nil && expiredToken == nil) else {
            throw ValidationError("--local brings its own url and tokens: leave out --url, --token and the like")
        }
        guard !noAuth || (!local && token == nil && tokenBinary == nil && expiredToken == nil) else {
            throw ValidationError("--no-auth sends no token, and --local has authentication: leave out one of the two")
        }
        guard local || !cutPower else { throw ValidationError("--cut-power goes with --local") }
        guard local || fleet.isStandard else {
            throw ValidationError(
                "--machines, --asleep, --speeds, --lose-packets, --never-boot and --wrong-model describe the local "
                    + "fleet: they go with --local")
        }
        guard (1...1000).contains(rounds) else { throw ValidationError("--repeat takes 1 to 1000") }
        for (name, value) in [("--timeout", timeout), ("--deadline", deadline)] {
            guard value.map({ $0 > 0 && $0 <= 1_000_000 }) ?? true else {
                throw ValidationError("\(name) takes a number of seconds above 0")
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
                throw ValidationError("--report takes kind=file, such as junit=report.xml; '\(item)' is none")
            }
            guard let format = ReportFormat(rawValue: parts[0]) else {
                throw ValidationError("--report knows junit, json, html and tap, not '\(parts[0])'")
            }
            return (format, parts[1])
        }
    }

    private func expectedStatuses() throws -> ExpectedStatuses {
        try expectStatus.reduce(into: ExpectedStatuses()) { statuses, item in
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else {
                throw ValidationError("--expect-status takes name=code,code, such as denied=403; '\(item)' is none")
            }
            guard let refusal = ExpectedStatuses.Refusal(rawValue: parts[0]) else {
                let names = ExpectedStatuses.Refusal.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--expect-status knows \(names), not '\(parts[0])'")
            }
            let codes = try parts[1].split(separator: ",", omittingEmptySubsequences: false).map { text in
                guard let code = Int(text), ExpectedStatuses.possible.contains(code) else {
                    throw ValidationError(
                        "--expect-status \(parts[0]): '\(text)' is no code from 400 to 499, and nothing else is a refusal"
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
    @Flag(help: "Grade the wake: below 30 s fast, to 60 s moderate, above slow.")
    var timing = false
    @Option(help: .init("Fail when the wake takes longer.", valueName: "seconds"))
    var maxWake: Double?
    @Option(help: .init("Puts the target's machine to sleep when it is awake.", valueName: "command"))
    var sleepCommand: String?
    @Option(help: .init("UDP port of this machine to which magic packets are sent or copied.", valueName: "port"))
    var packetPort: Int?

    func validate() throws {
        guard maxWake.map({ $0 > 0 && $0 <= 1_000_000 }) ?? true else {
            throw ValidationError("--max-wake takes a number of seconds above 0")
        }
        guard packetPort.map({ (1...65535).contains($0) }) ?? true else {
            throw ValidationError("--packet-port takes a port between 1 and 65535")
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
        help: .init("Classes and models to ask for (several after one option).", valueName: "model"))
    var models: [String] = []
    @Flag(help: "Test who may ask for exact ids, too.")
    var testPermissions = false
    @Option(help: .init("Members of a class, where the model list does not say: fast=a,b.", valueName: "class=ids"))
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
                throw ValidationError("--class-map takes class=id,id, such as fast=llama3:8b; '\(item)' is none")
            }
            let name = parts[0].trimmingPrefix("class:")
            map[String(name), default: []].formUnion(parts[1].split(separator: ",").map(String.init))
        }
    }
}

struct WorkloadRoutingOptions: ParsableArguments {
    @Option(help: .init("Calls to send (default: as many as decide, 12 for two runners).", valueName: "n"))
    var requests: Int?
    @Option(help: .init("Calls at a time.", valueName: "n"))
    var workers = 10
    @Flag(help: "Send the same number one after the other, too, and judge the order of the runners.")
    var sequential = false
    @Flag(help: "Percentiles per runner, queueing, and throughput against one worker.")
    var analyzeTiming = false
    @Option(help: .init("Response header that names who served.", valueName: "name"))
    var runnerHeader: String?
    @Option(help: .init("How many runners can serve the target.", valueName: "n"))
    var runners: Int?
    @Option(help: .init("Calls that each runner takes at a time: load is then judged per slot.", valueName: "n"))
    var slots: Int?
    @Option(help: "The policy that the deployment promises.")
    var policy: PromisedPolicy?

    func validate() throws {
        guard requests.map({ (1...100_000).contains($0) }) ?? true else {
            throw ValidationError("--requests takes 1 to 100000")
        }
        guard (1...1000).contains(workers) else { throw ValidationError("--workers takes 1 to 1000") }
        guard runners.map({ $0 > 0 }) ?? true else { throw ValidationError("--runners takes a number above 0") }
        guard slots.map({ $0 > 0 }) ?? true else { throw ValidationError("--slots takes a number above 0") }
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

enum PromisedPolicy: String, CaseIterable, ExpressibleByArgument {
    case roundRobin = "round-robin"
    case leastBusy = "least-busy"
}

struct AuthenticationOptions: ParsableArguments {
    @Option(help: .init("Where the admin surface is.", valueName: "path"))
    var adminPath = "/admin"

    func validate() throws {
        guard adminPath.hasPrefix("/") else { throw ValidationError("--admin-path begins with a slash") }
    }

    func apply(to options: inout SuiteOptions) {
        options.authentication.adminPath = adminPath
    }
}
