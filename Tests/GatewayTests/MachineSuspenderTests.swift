import Foundation
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Scheduling
import Settings
import SimpleAICore
import Synchronization
import TestSupport
import Testing
import WakeOnLAN

@testable import FleetControl

/// Sleep methods as real programs and requests, and what is reported to the scheduler.
@Suite(.timeLimit(.minutes(2))) struct MachineSuspenderTests {
    /// What happened to a machine that was put to sleep.
    private struct Outcome {
        let status: SchedulerSnapshot.RunnerStatus
        let failures: [OperatorReason]
        let events: [LoggedEvent]
    }

    /// Puts the only machine of a scheduler to sleep, and returns when all methods have ended.
    /// - Parameter change: applied to the settings between the scheduler's decision and its execution.
    private func suspend(
        _ target: Settings.SleepTarget, programTimeout: Duration = .seconds(30),
        change: (inout Settings) -> Void = { _ in }
    ) async throws -> Outcome {
        var settings = Settings()
        var runner = Settings.StaticRunner(id: "pc", url: "http://127.0.0.1:1")
        runner.models = ["m"]
        runner.wake = .init(macs: [try #require(MACAddress("52:54:00:12:34:56"))])
        runner.sleep = target
        settings.runners = [runner]
        var state = SchedulerState()
        state.add(Runner(runner))
        let scheduler = Scheduler(state)
        let machines = MachineDirectory(settings)
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let events = Mutex<[LoggedEvent]>([])
        let suspender = MachineSuspender(
            machines: machines,
            power: WakeMethods(searchPath: "/usr/bin:/bin", programTimeout: programTimeout), scheduler: scheduler,
            logger: .observed(level: .debug) { event in events.withLock { $0.append(event) } }, on: loop)
        let commands = Mutex<[CommandID]>([])
        let failures = Mutex<[OperatorReason]>([])
        scheduler.onEffect { effect in
            switch effect {
            case .sleepMachine("pc", let request, by: .gateway): commands.withLock { $0.append(request) }
            case .sleepFailed("pc", let reason): failures.withLock { $0.append(reason) }
            default: break
            }
        }
        scheduler.runnerResponded("pc", engineModels: ["m"])
        #expect(scheduler.sleepMachine("pc") == .commandSent)
        change(&settings)
        machines.adopt(settings)
        let request = try #require(commands.withLock { $0.first })
        try await suspender.suspend("pc", request).get()
        return Outcome(
            status: try #require(scheduler.snapshot().runners.first), failures: failures.withLock { $0 },
            events: events.withLock { $0 })
    }

    private func hook(_ server: ScriptedServer) -> Settings.WebHook {
        .init(method: "POST", url: "http://127.0.0.1:\(server.port)/api/webhook/s3cret", host: "127.0.0.1")
    }

    @Test func aProgramPutsTheMachineToSleep() async throws {
        try await inTemporaryDirectory { folder in
            let outcome = try await suspend(.init(command: ["touch", folder.path + "/asleep now"]))
            #expect(outcome.status.state == .asleep && outcome.status.isFallingAsleep && outcome.failures.isEmpty)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["asleep now"])
        }
    }

    @Test func aWebHookPutsTheMachineToSleep() async throws {
        let requests = Mutex<[String]>([])
        let outcome = try await ScriptedServer.run { request in
            requests.withLock { $0.append("\(request.head.method) \(request.head.uri)") }
            return .document([])
        } _: { server in
            try await suspend(.init(http: hook(server)))
        }
        #expect(requests.withLock { $0 } == ["POST /api/webhook/s3cret"])
        #expect(outcome.status.state == .asleep && outcome.failures.isEmpty)
    }

    @Test(arguments: [
        (["sh", "-c", "echo 'Permission denied' >&2; exit 255"], "sh exited with status 255: Permission denied"),
        (["no-such-program-here"], "no-such-program-here does not exist or is not executable"),
    ])
    func aFailedProgramIsReported(_ command: [String], _ reason: String) async throws {
        let outcome = try await suspend(.init(command: command))
        #expect(outcome.status.state == .ready && outcome.status.sleepProblem == OperatorReason(reason))
        #expect(outcome.failures == [OperatorReason(reason)])
    }

    @Test func aHangingProgramIsStoppedAndReported() async throws {
        let outcome = try await suspend(.init(command: ["sleep", "600"]), programTimeout: .milliseconds(200))
        #expect(outcome.status.state == .ready)
        #expect(outcome.status.sleepProblem?.description.hasPrefix("sleep was stopped after") == true)
    }

    /// The path and the query of a web hook are secrets.
    @Test func aFailedWebHookIsReportedWithoutItsPath() async throws {
        let outcome = try await ScriptedServer.run { _ in
            .document([], status: .unauthorized)
        } _: { server in
            try await suspend(.init(http: hook(server)))
        }
        #expect(outcome.status.state == .ready)
        let problem = try #require(outcome.status.sleepProblem?.description)
        #expect(problem.contains("127.0.0.1") && problem.contains("status 401") && !problem.contains("s3cret"))
        #expect(!"\(outcome.events)".contains("s3cret"))
    }

    @Test func oneSuccessfulMethodIsEnough() async throws {
        let outcome = try await ScriptedServer.run { _ in
            .document([], status: .notFound)
        } _: { server in
            try await suspend(.init(command: ["true"], http: hook(server)))
        }
        #expect(outcome.status.state == .asleep && outcome.failures.isEmpty)
        // The scheduler has no failure to report, so the log has it.
        #expect(outcome.events.contains { $0.level == .warning && $0.message == "Sleep command failed" })
    }

    @Test func allFailuresAreNamed() async throws {
        let outcome = try await ScriptedServer.run { _ in
            .document([], status: .notFound)
        } _: { server in
            try await suspend(.init(command: ["false"], http: hook(server)))
        }
        let problem = try #require(outcome.status.sleepProblem?.description)
        #expect(problem.contains("false exited with status 1") && problem.contains("; ") && problem.contains("404"))
        #expect(!outcome.events.contains { $0.level == .warning }, "the scheduler reports it once per reason")
    }

    @Test func aMethodThatAReloadHasRemovedIsAFailure() async throws {
        let outcome = try await suspend(.init(command: ["true"])) { $0.runners[0].sleep = nil }
        #expect(outcome.status.state == .ready && outcome.status.sleepProblem == "no sleep method is configured")
    }
}
