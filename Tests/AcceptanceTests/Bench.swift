import NIOCore
import NIOPosix
import StandIn
import Synchronization
import Testing

@testable import Acceptance

/// Runs the suite against a stand-in like an operator would, only faster.
struct Bench {
    let deployment: StandInDeployment
    var options: SuiteOptions
    var tokens: TokenSource

    /// The number of concurrent runs: with a hundred suites side by side each would find its deployment slow and its
    /// own clock late.
    private static let turns = Turns(20)

    init(_ variant: StandInVariant = .forbidden, defect: Defect? = nil) {
        deployment = StandInDeployment(variant: variant, defect: defect)
        options = SuiteOptions(seed: 7)
        options.timeout = .seconds(20)
        // Tests run side by side and take CPU time from each other; `ClockAccuracyTests` covers the clock check.
        options.clock = ClockAccuracy(error: .milliseconds(1), moments: 160)
        options.wakeOnLAN.model = "class:big"
        options.wakeOnLAN.pollInterval = .milliseconds(20)
        options.modelRouting.testsPermissions = true
        options.workloadRouting.sequential = true
        tokens = .provider(
            { _, role in StandInTokens.mint(role: role) },
            expired: {
                StandInTokens.mint(role: nil, expiresIn: -3600)
            })
    }

    func run(
        _ tests: [TestName], observe: @escaping @Sendable (SuiteEvent) -> Void = { _ in }
    ) async throws -> SuiteReport {
        await Self.turns.take()
        defer { Self.turns.giveBack() }
        let callers = tests.contains(.wakeOnLAN) ? options.wakeOnLAN.callers : 0
        deployment.state.withLock { $0.heldCallers = callers }
        let server = try await StandInServer.start { [deployment] in deployment.respond($0, on: $1) }
        do {
            let address = try DeploymentAddress("http://127.0.0.1:\(server.port)")
            let suite = Acceptance.Suite(deployment: address, tests: tests, tokens: tokens, options: options)
            let report = try await suite.run(observe: observe)
            try await server.stop()
            return report
        } catch {
            try await server.stop()
            throw error
        }
    }
}

/// Lets a limited number of runs in at once, the others in order of arrival.
final class Turns: Sendable {
    private struct State {
        var free: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(free: count)) }

    func take() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.free > 0 else {
                    state.waiting.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if isFree { continuation.resume() }
        }
    }

    func giveBack() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard !state.waiting.isEmpty else {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}

extension SuiteReport {
    func ids(_ verdict: Verdict) -> Set<String> { Set(results.filter { $0.verdict == verdict }.map(\.id)) }

    subscript(id: String) -> CheckResult? { results.first { $0.id == id } }

    /// For a test's failure message.
    var outline: String { results.map { "\($0.verdict.rawValue) \($0.id): \($0.summary)" }.joined(separator: "\n") }
}

/// A port that was free a moment ago.
func freeUDPPort() async throws -> Int {
    let channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .bind(host: "127.0.0.1", port: 0).get()
    let port = channel.localAddress?.port
    try await channel.close()
    return try #require(port)
}
