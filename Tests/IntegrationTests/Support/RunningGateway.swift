import Foundation
import Gateway
import Logging
import ServiceLifecycle
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

/// A live gateway, and tokens that it accepts.
struct RunningGateway: Sendable {
    static let issuer = "https://issuer.test"
    static let version = "1.2.3"
    /// The body of its `/health`.
    static let health = "{\"status\":\"ok\",\"version\":\"\(version)\"}"

    let port: Int
    let stateFile: String
    let mint: TokenMint
    let application: GatewayApplication
    /// The settings at the start.
    let settings: Settings
    private let group: ServiceGroup

    /// Runs a gateway in front of these runners, waits until it has its issuer's keys and knows all runners, runs `body`,
    /// and shuts it down.
    static func with<Result: Sendable>(
        _ runners: [Settings.StaticRunner], awaitRunners: Bool = true, stateFile: String? = nil,
        logger: Logger = .silent, _ change: @escaping @Sendable (inout Settings) -> Void = { _ in },
        within limit: Duration = .seconds(40),
        _ body: @escaping @Sendable (RunningGateway) async throws -> Result
    ) async throws -> Result {
        try await withTemporaryDirectory { directory in
            let mint = TokenMint(key: try SigningKey(generating: .es256), issuer: issuer, audience: "simpleai")
            let keys = directory + "/jwks.json"
            try Data(PublicJSONWebKey.keySet([mint.key.publicKey]).utf8).write(to: URL(fileURLWithPath: keys))
            var settings = Settings()
            settings.server.port = 0
            settings.server.drain = .seconds(20)
            settings.auth.issuers = [Settings.Issuer(issuer: issuer, audience: .oneOf(["simpleai"]))]
            settings.auth.issuers[0].keys = .file(path: keys)
            settings.classes = [Settings.ModelClass(name: "fast", models: ["m"])]
            settings.runners = runners
            settings.fleet.stateFile = stateFile ?? directory + "/state.json"
            settings.keys.database = directory + "/keys.db"
            settings.wake.probeInterval = .milliseconds(20)
            // No comment that a test did not ask for, however busy this computer is.
            settings.keepalive.after = .seconds(60)
            settings.keepalive.every = .seconds(60)
            change(&settings)
            return try await run(settings, mint, logger, awaitRunners: awaitRunners, within: limit, body)
        }
    }

    private static func run<Result: Sendable>(
        _ settings: Settings, _ mint: TokenMint, _ logger: Logger, awaitRunners: Bool, within limit: Duration,
        _ body: @escaping @Sendable (RunningGateway) async throws -> Result
    ) async throws -> Result {
        let port = Watched<Int?>(nil)
        let application = try GatewayApplication(settings: settings, version: version, logger: logger) { listening in
            port.update { $0 = listening }
        }
        let group = ServiceGroup(services: [application], logger: .silent)
        return try await within(limit, "the end of the test") {
            try await withThrowingTaskGroup(of: Result?.self) { tasks in
                tasks.addTask {
                    defer { port.fail(CancellationError()) }
                    try await group.run()
                    return nil
                }
                tasks.addTask {
                    let listening = try #require(try await port.value { $0 != nil })
                    let gateway = RunningGateway(
                        port: listening, stateFile: settings.fleet.stateFile, mint: mint,
                        application: application, settings: settings, group: group)
                    if case .file? = settings.auth.issuers.first?.keys { try await gateway.awaitKeys() }
                    if awaitRunners { try await gateway.awaitRunners(settings.runners.count) }
                    let result = await Swift.Result { try await body(gateway) }
                    // Also after a failure: cancelling a server may leave a connection half set up.
                    await group.triggerGracefulShutdown()
                    return try result.get()
                }
                var result: Result?
                while let next = try await tasks.next() { result = next ?? result }
                return try #require(result)
            }
        }
    }

    /// Does what SIGTERM does.
    func shutDown() async { await group.triggerGracefulShutdown() }

    /// Does what SIGHUP does after the settings file changed.
    /// - Parameter change: applied to the settings that the gateway started with.
    func reload(_ change: (inout Settings) -> Void) throws {
        var settings = settings
        change(&settings)
        try application.reload(settings)
    }

    // MARK: Requests

    func token(_ roles: [Role] = [], user: String = "tester") throws -> String {
        try mint.token(user: user, roles: roles)
    }

    func connect(from source: String? = nil, window: Int? = nil, segment: Int? = nil) async throws -> Wire {
        try await Wire.connect(
            to: port, from: source, window: window, segment: segment,
            tls: settings.server.tls != nil ? TLSClient.context(["http/1.1"]) : nil)
    }

    /// The bytes of a request.
    /// - Parameter token: empty for none; nil for a valid one with these roles.
    func request(
        _ body: String, _ method: String = "POST", _ path: String = "/v1/chat/completions", token: String? = nil,
        fields: [String] = [], roles: [Role] = ["model:specific"], version: String = "1.1"
    ) throws -> String {
        let authorization = try token ?? self.token(roles)
        var lines = ["\(method) \(path) HTTP/\(version)", "Host: gateway"]
        if !authorization.isEmpty { lines.append("Authorization: Bearer \(authorization)") }
        if method == "POST" {
            if !fields.contains(where: { $0.lowercased().hasPrefix("content-type") }) {
                lines.append("Content-Type: application/json")
            }
            lines.append("Content-Length: \(body.utf8.count)")
        }
        return (lines + fields).joined(separator: "\r\n") + "\r\n\r\n" + body
    }

    static func chat(_ model: String = "m", stream: Bool = false, more: String = "") -> String {
        "{\"model\":\"\(model)\",\(stream ? "\"stream\":true," : "")\(more)\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
    }

    /// One request on a connection of its own.
    func send(
        _ body: String, _ method: String = "POST", _ path: String = "/v1/chat/completions", token: String? = nil,
        fields: [String] = [], roles: [Role] = ["model:specific"], version: String = "1.1"
    ) async throws -> Response {
        let wire = try await connect()
        try await wire.send(request(body, method, path, token: token, fields: fields, roles: roles, version: version))
        let response = try await wire.response()
        await wire.close()
        return response
    }

    /// One request without a body on a connection of its own, which is read to its end: for HEAD, whose response has
    /// a length and no body. All bytes behind the head count as body.
    func exchange(
        _ method: String, _ path: String, token: String? = nil, fields: [String] = [], roles: [Role] = ["admin"]
    ) async throws -> Response {
        let wire = try await connect()
        let fields = fields + ["Connection: close"]
        try await wire.send(request("", method, path, token: token, fields: fields, roles: roles))
        let text = try await wire.readToEnd()
        await wire.close()
        let end = try #require(text.firstRange(of: "\r\n\r\n")).upperBound
        var response = try #require(Response.parse(Array(text[..<end].utf8), isEnd: true)).0
        response.body = Array(text[end...].utf8)
        return response
    }

    func get(
        _ path: String, token: String? = nil, fields: [String] = [], roles: [Role] = ["admin"]
    ) async throws -> Response {
        try await send("", "GET", path, token: token, fields: fields, roles: roles)
    }

    // MARK: The gateway's own reports

    /// Polls the metrics until `isSatisfied`. Every poll is a whole exchange, so the loop does not spin.
    func metrics(until isSatisfied: (Metrics) -> Bool) async throws -> Metrics {
        let wire = try await connect()
        while true {
            try await wire.send("GET /metrics HTTP/1.1\r\nHost: gateway\r\n\r\n")
            let metrics = Metrics(text: try await wire.response().text)
            if isSatisfied(metrics) {
                await wire.close()
                return metrics
            }
            try Task.checkCancellation()
        }
    }

    /// Returns when no call is open, waiting or holding a lease, and no body is held.
    func settled() async throws {
        let metrics = try await metrics {
            $0["simpleai_calls_open"] == 0 && $0["simpleai_leases"] == 0 && $0["simpleai_calls_waiting"] == 0
                && $0["simpleai_buffered_bytes"] == 0
        }
        #expect(metrics["simpleai_lease_double_returns_total"] == 0)
    }

    /// A count after it has stopped growing: it stayed the same while the gateway served many other requests, on
    /// every event loop.
    func stalled(_ count: () -> Int) async throws -> Int {
        while true {
            let before = count()
            for _ in 1...40 { #expect(try await get("/health").status == 200) }
            if count() == before { return before }
        }
    }

    /// Returns when new connections are refused.
    func refusesConnections() async throws {
        while true {
            do {
                let wire = try await connect()
                await wire.close()
            } catch {
                return
            }
            try Task.checkCancellation()
        }
    }

    /// Without keys, the gateway answers every call with 503, and it reads them only once it listens.
    private func awaitKeys() async throws {
        while try await get("/ready", token: "").status != 200 { try Task.checkCancellation() }
    }

    private func awaitRunners(_ count: Int) async throws {
        _ = try await metrics { $0["simpleai_runners{state=\"ready\"}"] == Double(count) }
    }

    struct Metrics: Sendable {
        let text: String

        subscript(_ series: String) -> Double? {
            text.split(separator: "\n").first { $0.hasPrefix(series + " ") }
                .flatMap { Double($0.dropFirst(series.utf8.count + 1)) }
        }
    }
}

extension Settings.StaticRunner {
    /// A runner for an engine on this machine.
    static func at(
        _ port: Int, id: RunnerID = "r1", models: [ModelID] = [], slots: Int = 8,
        _ change: (inout Settings.StaticRunner) -> Void = { _ in }
    ) -> Settings.StaticRunner {
        var runner = Settings.StaticRunner(id: id, url: "http://127.0.0.1:\(port)")
        runner.models = models
        runner.slots = slots
        runner.probe.every = .milliseconds(50)
        runner.probe.timeout = .seconds(5)
        change(&runner)
        return runner
    }
}

/// Runs a scripted engine and a gateway in front of it.
func withEngine<Result: Sendable>(
    _ script: @escaping ScriptedEngine.Script,
    runner: @escaping @Sendable (inout Settings.StaticRunner) -> Void = { _ in },
    settings change: @escaping @Sendable (inout Settings) -> Void = { _ in },
    _ body: @escaping @Sendable (RunningGateway, ScriptedEngine) async throws -> Result
) async throws -> Result {
    try await withEngines([script], runner: runner, settings: change) { gateway, engines in
        try await body(gateway, engines[0])
    }
}

/// Runs several engines, as runners `r1`, `r2`, ….
func withEngines<Result: Sendable>(
    _ scripts: [ScriptedEngine.Script],
    runner: @escaping @Sendable (inout Settings.StaticRunner) -> Void = { _ in },
    settings change: @escaping @Sendable (inout Settings) -> Void = { _ in },
    _ body: @escaping @Sendable (RunningGateway, [ScriptedEngine]) async throws -> Result
) async throws -> Result {
    var engines: [ScriptedEngine] = []
    for script in scripts { engines.append(try await ScriptedEngine(script)) }
    let started = engines
    return try await running(started) {
        let runners = started.enumerated().map { index, engine in
            Settings.StaticRunner.at(engine.port, id: RunnerID("r\(index + 1)"), runner)
        }
        return try await RunningGateway.with(runners, change) { try await body($0, started) }
    }
}

/// Runs engines while `body` runs.
func running<Result: Sendable>(
    _ engines: [ScriptedEngine], _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result?.self) { group in
        defer { group.cancelAll() }
        for engine in engines {
            group.addTask {
                try await engine.run()
                return nil
            }
        }
        group.addTask { try await body() }
        while let result = try await group.next() {
            if let result { return result }
        }
        throw CancellationError()
    }
}

/// Runs a service while `body` runs.
func running<Running: Service, Result: Sendable>(
    _ service: Running, _ body: @escaping @Sendable (Running) async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result?.self) { group in
        defer { group.cancelAll() }
        group.addTask {
            try await service.run()
            return nil
        }
        group.addTask { try await body(service) }
        while let result = try await group.next() {
            if let result { return result }
        }
        throw CancellationError()
    }
}

extension Logger {
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

extension Swift.Result where Failure == any Error {
    init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
