import Acceptance
import ArgumentParser

/// `simpleai test …`: the acceptance suite.
struct TestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Verify that a deployment meets the requirements that `simpleai test all --list` prints.",
        discussion: """
            Exit codes: 0 every required check passed; 1 a required check failed or was inconclusive, or the suite could \
            not start; 2 usage error; 130 interrupted.

            Example: simpleai test all --local
            """,
        subcommands: [
            TestWakeOnLAN.self, TestModelRouting.self, TestWorkloadRouting.self, TestAuthentication.self,
            TestDialects.self, TestEverything.self,
        ])
}

struct TestWakeOnLAN: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wol", abstract: "A call for a model on a sleeping machine wakes it once and is served.",
        discussion: "Example: simpleai test wol --url https://ai.example.com --model class:big")

    @OptionGroup var common: TestOptions
    @OptionGroup(title: "Wake-on-LAN") var wake: WakeOnLANOptions
    @Option(help: "Class or model to request (default: class:fast; with --local: class:big, on the sleeping machine).")
    var model: String?

    func run() async throws {
        try await TestRun(tests: [.wakeOnLAN], common: common) { options, isLocal in
            try wake.apply(to: &options)
            options.wakeOnLAN.model = model ?? (isLocal ? "class:big" : "class:fast")
            options.wakeOnLAN.targetSource = model == nil ? .builtIn : .named
        }.run()
    }
}

struct TestModelRouting: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model-routing", abstract: "Calls are served by the requested model or class.",
        discussion: "Example: simpleai test model-routing --local")

    @OptionGroup var common: TestOptions
    @OptionGroup(title: "Model routing") var routing: ModelRoutingOptions
    @Option(help: "The only class or model to request.")
    var model: String?

    func validate() throws {
        guard model == nil || routing.models.isEmpty else {
            throw ValidationError("--model and --models are mutually exclusive")
        }
    }

    func run() async throws {
        try await TestRun(tests: [.modelRouting], common: common) { options, _ in
            try routing.apply(to: &options)
            if let model { options.modelRouting.models = [model] }
        }.run()
    }
}

struct TestWorkloadRouting: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workload-routing", abstract: "Under load every call is served, by more than one machine.",
        discussion: "Example: simpleai test workload-routing --url https://ai.example.com")

    @OptionGroup var common: TestOptions
    @OptionGroup(title: "Workload routing") var workload: WorkloadRoutingOptions
    @Option(help: "Class or model to request (default: class:fast).")
    var model: String?

    func run() async throws {
        try await TestRun(tests: [.workloadRouting], common: common) { options, _ in
            try workload.apply(to: &options)
            options.workloadRouting.model = model ?? "class:fast"
            options.workloadRouting.targetSource = model == nil ? .builtIn : .named
        }.run()
    }
}

struct TestAuthentication: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "auth", abstract: "Authentication and authorization of callers.",
        discussion: "Example: simpleai test auth --local")

    @OptionGroup var common: TestOptions
    @OptionGroup(title: "Authentication") var authentication: AuthenticationOptions

    func run() async throws {
        try await TestRun(tests: [.authentication], common: common) { options, _ in
            authentication.apply(to: &options)
        }.run()
    }
}

struct TestDialects: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dialects",
        abstract: "The APIs of other clients: Anthropic, Ollama, Responses, embeddings, rerank, audio, images.",
        discussion: """
            An endpoint that the deployment does not have is skipped. Optional for gateways that serve only chat \
            completions: without any of these endpoints the run is not decided.

            Example: simpleai test dialects --local
            """)

    @OptionGroup var common: TestOptions
    @OptionGroup(title: "APIs of other clients") var dialects: DialectOptions
    @Option(help: "Class or model to request from endpoints that generate text (default: as in the load test).")
    var model: String?
    @Option(help: "Class or model on a sleeping machine (default: one that the model list shows as asleep).")
    var wolModel: String?
    @Option(help: .init("Command that puts the machine of --wol-model to sleep if it is awake.", valueName: "command"))
    var sleepCommand: String?

    func run() async throws {
        try await TestRun(tests: [.dialects], common: common) { options, isLocal in
            try dialects.apply(to: &options)
            options.dialects.model = model
            options.wakeOnLAN.model = wolModel ?? (isLocal ? "class:big" : "class:fast")
            options.wakeOnLAN.targetSource = wolModel != nil ? .named : isLocal ? .builtIn : .modelList
            if let sleepCommand { options.wakeOnLAN.putToSleep = try TestRun.sleepCommand(sleepCommand) }
        }.run()
    }
}

struct TestEverything: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "all", abstract: "Run all tests and write one report.",
        discussion: "Example: simpleai test all --url https://ai.example.com --report html=report.html")

    @OptionGroup var common: TestOptions
    @OptionGroup(title: "Wake-on-LAN") var wake: WakeOnLANOptions
    @OptionGroup(title: "Model routing") var routing: ModelRoutingOptions
    @OptionGroup(title: "Workload routing") var workload: WorkloadRoutingOptions
    @OptionGroup(title: "Authentication") var authentication: AuthenticationOptions
    @OptionGroup(title: "APIs of other clients") var dialects: DialectOptions
    @Option(help: "Class or model to wake (default: a class that the model list shows as asleep).")
    var wolModel: String?
    @Option(help: "Class or model for the load (default: class:fast, or one that the model list shows as awake).")
    var workloadModel: String?

    func run() async throws {
        try await TestRun(tests: TestName.allCases, common: common) { options, isLocal in
            try wake.apply(to: &options)
            try routing.apply(to: &options)
            try workload.apply(to: &options)
            authentication.apply(to: &options)
            try dialects.apply(to: &options)
            options.dialects.model = workloadModel
            options.wakeOnLAN.model = wolModel ?? (isLocal ? "class:big" : "class:fast")
            options.wakeOnLAN.targetSource = wolModel != nil ? .named : isLocal ? .builtIn : .modelList
            options.workloadRouting.model = workloadModel ?? "class:fast"
            options.workloadRouting.targetSource = workloadModel != nil ? .named : isLocal ? .builtIn : .modelList
            if isLocal {
                // The local issuer mints every role, so the permission checks have all the tokens they need.
                options.modelRouting.testsPermissions = true
            }
        }.run()
    }
}
