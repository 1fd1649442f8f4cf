import Foundation
import Logging
import NIOHTTP1
import Scheduling
import Settings
import SimpleAICore
import TestSupport
import Testing

@testable import Gateway
@testable import LocalFleet

extension Integration {
    /// Static runners that the gateway puts to sleep itself: with real programs, and with a web hook on loopback.
    @Suite struct StaticSleepTests {
        /// A runner on a machine that is woken by packets to this port, and put to sleep by this target.
        private static func runner(
            _ port: Int, powerSwitch: Int = 9, _ sleep: Settings.SleepTarget
        ) throws -> Settings.StaticRunner {
            let mac = try #require(MACAddress("02:53:41:49:00:07"))
            return .at(port, id: "pc", models: ["m"]) {
                $0.probe.timeout = .milliseconds(200)
                $0.wake = .init(macs: [mac], broadcast: "127.0.0.1", port: powerSwitch)
                $0.sleep = sleep
            }
        }

        /// A gateway in front of an engine that never falls asleep.
        private func withInsomniac(
            _ command: [String], gracePeriod: Duration = .seconds(20), logger: Logger = .silent,
            _ body: @escaping @Sendable (RunningGateway) async throws -> Void
        ) async throws {
            let engine = try await ScriptedEngine(ScriptedEngine.wellBehaved)
            try await running([engine]) {
                try await RunningGateway.with(
                    [try Self.runner(engine.port, .init(command: command))], logger: logger
                ) { gateway in
                    gateway.putIdleMachinesToSleep(after: .milliseconds(100), gracePeriod: gracePeriod)
                    try await body(gateway)
                }
            }
        }

        /// The home automation switches the machine off; packets wake it.
        @Test func aWebHookPutsAnIdleMachineToSleepAndACallWakesIt() async throws {
            var options = MachineOptions(
                id: "pc", mac: try #require(MACAddress("02:53:41:49:00:07")), engine: EngineOptions(models: ["m"]))
            options.engine.pace = EnginePace(timeToFirstToken: .zero, tokensPerSecond: 0)
            options.bootDelay = .milliseconds(20)
            let requests = Watched<[String]>([])
            try await running(VirtualMachine(options, logger: .silent)) { machine in
                let ports = try await machine.ports()
                try await ScriptedServer.run { request in
                    requests.update { $0.append("\(request.head.method) \(request.head.uri)") }
                    Task { try await machine.sleep() }
                    return .document([])
                } _: { server in
                    let hook = Settings.WebHook(
                        method: "POST", url: "http://127.0.0.1:\(server.port)/api/webhook/s3cret", host: "127.0.0.1")
                    let runner = try Self.runner(ports.engine, powerSwitch: ports.powerSwitch, .init(http: hook))
                    try await RunningGateway.with([runner]) {
                        $0.sleep.after = .milliseconds(300)
                    } _: { gateway in
                        for round in 1...2 {
                            _ = try await machine.status { $0.phase == .asleep && $0.wakes == round - 1 }
                            // Once a probe has found it gone, the next response means that it has returned.
                            try await gateway.fleetReport { $0.contains("\"is_falling_asleep\":false") }
                            let list = try await gateway.get("/v1/models", roles: ["model:specific"])
                            #expect(list.text.contains("\"state\":\"asleep\""))
                            let response = try await gateway.send(RunningGateway.chat())
                            #expect(response.status == 200)
                            #expect(response["x-simpleai-wake"]?.contains("; wake=") == true)
                            #expect(machine.status.wakes == round)
                        }
                        _ = try await gateway.metrics { ($0["simpleai_sleeps_total"] ?? 0) >= 2 }
                        #expect(requests.value.allSatisfy { $0 == "POST /api/webhook/s3cret" })
                        try await gateway.settled()
                    }
                }
            }
        }

        @Test func aFailingProgramLeavesTheMachineAwakeAndIsReportedOnce() async throws {
            let failures = Watched<[LoggedEvent]>([])
            let logger = Logger.observed { event in
                if event.message == "Sleep failed" { failures.update { $0.append(event) } }
            }
            try await withInsomniac(["sh", "-c", "echo denied >&2; exit 3"], logger: logger) { gateway in
                _ = try await gateway.metrics { ($0["simpleai_sleeps_total"] ?? 0) >= 3 }
                try await gateway.fleetReport {
                    $0.contains("\"sleep_problem\":\"sh exited with status 3: denied\"") && $0.contains("\"ready\"")
                }
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                #expect(failures.value.count == 1)
                #expect(failures.value.first?.metadata["cause"] == "sh exited with status 3: denied")
            }
        }

        @Test func anEngineThatGoesOnRespondingDidNotFallAsleep() async throws {
            try await withInsomniac(["true"], gracePeriod: .milliseconds(300)) { gateway in
                try await gateway.fleetReport { $0.contains("still responded") && $0.contains("\"ready\"") }
                #expect(try await gateway.send(RunningGateway.chat()).status == 200)
                try await gateway.settled()
            }
        }

        /// A call that arrives in the grace period waits until the machine has fallen asleep, or has not.
        @Test func aCallMeanwhileIsServed() async throws {
            try await withInsomniac(["true"], gracePeriod: .seconds(3)) { gateway in
                try await gateway.fleetReport { $0.contains("\"is_falling_asleep\":true") }
                let response = try await gateway.send(RunningGateway.chat())
                #expect(response.status == 200 && response["x-simpleai-wake"]?.contains("; wake=") == true)
                try await gateway.settled()
            }
        }

        @Test func operatorsLearnThatNothingPutsAMachineToSleep() async throws {
            try await withEngine(ScriptedEngine.wellBehaved) { gateway, _ in
                let refused = try await gateway.putToSleep("r1")
                #expect(refused.status == 400)
                #expect(try refused.error().message.contains("set runners[].sleep"))
            }
        }

        /// A reload adds, changes and removes the method while the gateway runs.
        @Test func aReloadChangesTheMethod() async throws {
            let engine = try await ScriptedEngine(ScriptedEngine.wellBehaved)
            try await running([engine]) {
                let runner = try Self.runner(engine.port, .init(command: ["false"]))
                try await RunningGateway.with([runner]) {
                    $0.runners[0].sleep = nil
                } _: { gateway in
                    #expect(try await gateway.putToSleep("pc").error().message.contains("runners[].sleep"))
                    try gateway.reload { $0.runners[0].sleep = .init(command: ["false"]) }
                    #expect(try await gateway.putToSleep("pc").status == 202)
                    try await gateway.fleetReport { $0.contains("false exited with status 1") }
                    try gateway.reload { $0.runners[0].sleep = .init(command: ["sh", "-c", "exit 4"]) }
                    #expect(try await gateway.putToSleep("pc").status == 202)
                    try await gateway.fleetReport { $0.contains("sh exited with status 4") }
                    try gateway.reload { $0.runners[0].sleep = nil }
                    #expect(try await gateway.putToSleep("pc").status == 400)
                }
            }
        }
    }
}

extension RunningGateway {
    fileprivate func putToSleep(_ id: String) async throws -> Response {
        try await send("", "POST", "/admin/api/machines/\(id)/sleep", roles: ["admin"])
    }

    /// Polls the report of the fleet until `isSatisfied`. Every poll is a whole exchange, so the loop does not spin.
    fileprivate func fleetReport(until isSatisfied: (String) -> Bool) async throws {
        while !isSatisfied(try await get("/admin/api/fleet").text) { try Task.checkCancellation() }
    }

    fileprivate func putIdleMachinesToSleep(after idleTime: Duration, gracePeriod: Duration) {
        var configuration = SchedulerState.Configuration(settings)
        configuration.sleepAfter = idleTime
        configuration.sleepGracePeriod = gracePeriod
        application.scheduler.reconfigure(configuration)
    }
}
