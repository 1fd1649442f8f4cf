import Foundation
import NIOCore
import RunnerProtocol
import Settings
import SimpleAICore
import TestSupport
import Testing

@testable import RunnerAgent

@Suite struct MachineTests {
    @Test func busyTimeExcludesIdleTime() throws {
        let times = try #require(
            MachineMetrics.processorTimes("cpu  100 0 50 800 50 0 0 0 7 7\ncpu0 1 1 1 1\n"))
        #expect(times == .init(busy: 150, total: 1000))
        #expect(MachineMetrics.processorTimes("intr 1 2 3") == nil)
    }

    @Test func processorUsageIsMeasuredSinceTheLastCall() throws {
        try withFolder(["stat": "cpu  100 0 0 100 0 0 0 0\n"]) { folder in
            let figures = MachineMetrics(folder: folder)
            #expect(figures.processorPercent() == nil)
            try "cpu  175 0 0 125 0 0 0 0\n".write(toFile: "\(folder)/stat", atomically: true, encoding: .utf8)
            #expect(figures.processorPercent() == 75)
        }
    }

    @Test func reclaimableMemoryCountsAsFree() {
        let meminfo = "MemTotal:       16000 kB\nMemFree:  100 kB\nMemAvailable:   12000 kB\n"
        #expect(MachineMetrics.memoryUsed(meminfo) == 4000 << 10)
        #expect(MachineMetrics.memoryUsed("MemTotal: 1 kB") == nil)
    }

    @Test func withoutProcNoMetricsAreReported() throws {
        let figures = MachineMetrics(folder: "/no/such/folder")
        #expect(figures.processorPercent() == nil)
        #expect(figures.memoryUsed() == nil)
    }

    @Test func graphicsMemoryOfAllCards() {
        #expect(GraphicsMemory("1000, 24576\n24, 24576\n").map { [$0.used, $0.total] } == [1024 << 20, 49152 << 20])
        #expect(GraphicsMemory("No devices were found\n") == nil)
        #expect(GraphicsMemory("[N/A], [N/A]") == nil)
    }

    @Test func graphicsMemoryComesFromTheTool() async throws {
        try await inTemporaryDirectory { folder in
            let tool = folder.appending(path: "nvidia-smi")
            try "#!/bin/sh\n[ \"$1\" = --query-gpu=memory.used,memory.total ] && echo '512, 8192'\n".write(
                to: tool, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: tool.path)
            #expect(await GraphicsMemory.now(program: tool.path)?.used == 512 << 20)
            #expect(await GraphicsMemory.now(program: folder.appending(path: "other").path) == nil)
        }
    }

    @Test func theAddressIsThatOfTheInterfaceToTheGateway() throws {
        try withFolder(["eth7/address": "aa:bb:cc:dd:ee:f7\n", "lo/address": "00:00:00:00:00:00\n"]) {
            (folder) throws in
            let devices = [("lo", "127.0.0.1"), ("eth7", "10.0.0.7"), ("eth7", "fe80::1")]
            func found(_ address: String) throws -> MACAddress? {
                LocalHardwareAddress.of(
                    try SocketAddress(ipAddress: address, port: 1), devices: devices, folder: folder)
            }
            #expect(try found("10.0.0.7") == MACAddress("AA:BB:CC:DD:EE:F7"))
            #expect(try found("::ffff:10.0.0.7") == MACAddress("AA:BB:CC:DD:EE:F7"))
            #expect(try found("fe80::1") == MACAddress("AA:BB:CC:DD:EE:F7"))
            #expect(try found("127.0.0.1") == nil)
            #expect(try found("10.0.0.8") == nil)
            #expect(LocalHardwareAddress.of(nil, devices: devices, folder: folder) == nil)
        }
    }

    @Test func suspensionsShowInTheClocks() {
        #expect(!ResumeWatch.wasSuspended(passed: .seconds(90), awake: .seconds(90)))
        #expect(ResumeWatch.wasSuspended(passed: .seconds(90), awake: .seconds(1)))
    }

    private func withFolder(_ files: [String: String], _ body: (String) throws -> Void) throws {
        try inTemporaryDirectory { folder in
            for (name, text) in files {
                let file = folder.appending(path: name)
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try text.write(to: file, atomically: true, encoding: .utf8)
            }
            try body(folder.path)
        }
    }
}

@Suite struct StatusReportTests {
    private static let engine = FakeEngine.Answer.json(#"{"data":[{"id":"a"}]}"#)

    private func report(
        _ url: String, power: RunnerSettings.Power = .init(), more: String? = nil
    ) throws -> (StatusReport, EngineRoster, CallCounts) {
        var settings = RunnerSettings()
        settings.engines = [.init(kind: .openAI, url: url)]
        if let more { settings.engines.append(.init(kind: .openAI, url: more)) }
        settings.aliases = ["public": "a"]
        settings.power = power
        let roster = try EngineRoster(settings, logger: .silent)
        let counts = CallCounts()
        return (StatusReport(roster: roster, counts: counts, settings: settings), roster, counts)
    }

    @Test func healthFollowsTheEngines() async throws {
        try await FakeEngine.with(["GET /v1/models": Self.engine]) { fake in
            let (report, roster, _) = try report(fake.url)
            #expect(report.status(agreed: []).health == .starting)
            await roster.refreshStatus()
            #expect(report.status(agreed: []).health == .healthy)
            fake.set("GET /v1/models", .init(status: 500))
            await roster.refreshStatus()
            #expect(report.status(agreed: []).health == .unhealthy)
            report.drain()
            #expect(report.status(agreed: []).health == .shuttingDown)
        }
    }

    @Test func oneOfTwoEnginesIsDegraded() async throws {
        try await FakeEngine.with(["GET /v1/models": Self.engine]) { fake in
            let (report, roster, _) = try report(fake.url, more: "http://127.0.0.1:1")
            await roster.refreshStatus()
            #expect(report.status(agreed: []).health == .degraded)
        }
    }

    @Test func callsAreCountedInAllFields() async throws {
        try await FakeEngine.with(["GET /v1/models": Self.engine]) { fake in
            let (report, roster, counts) = try report(fake.url)
            await roster.refreshStatus()
            counts.began("a")
            var status = report.status(agreed: [.slots])
            #expect(status.capabilities.map(\.activeRequests) == [1])
            #expect(status.capabilities.map(\.status) == ["busy"])
            #expect(status.engines.first?.active == 1)
            counts.ended("a", latency: .milliseconds(80))
            status = report.status(agreed: [.slots])
            #expect(status.capabilities.map(\.status) == ["ready"])
            #expect(status.capabilities.map(\.averageLatencyMilliseconds) == [80])
            #expect(status.metrics?.requestsProcessed == 1)
            #expect(status.metrics?.averageLatencyMilliseconds == 80)
            // A call without a complete response does not count as processed.
            counts.began("a")
            counts.ended("a", latency: nil)
            #expect(report.status(agreed: []).metrics?.requestsProcessed == 1)
            #expect(status.modelAliases == ["public": "a"])
        }
    }

    /// A gateway of version 1 sees only the fields of version 1.
    @Test func extensionsAreAnnouncedToPeersThatKnowThem() async throws {
        try await FakeEngine.with(["GET /v1/models": Self.engine]) { fake in
            var power = RunnerSettings.Power()
            power.sleepCommand = ["systemctl", "suspend"]
            power.watts = 90
            let (report, roster, _) = try report(fake.url, power: power)
            await roster.refreshStatus()
            let plain = report.status(agreed: [])
            #expect(plain.power == nil)
            #expect(plain.engines.first?.slots == nil)
            #expect(plain.engines.first?.active == nil)
            let extended = report.status(agreed: [.slots, .power])
            #expect(extended.power == PowerStatus(watts: 90, sleepable: true))
            report.noteSleepProblem(.refused)
            #expect(report.status(agreed: [.power]).power?.sleepProblem == "the machine refused to sleep")
            report.noteSleepProblem(nil)
            #expect(report.status(agreed: [.power]).power?.sleepProblem == nil)
            #expect(extended.engines.first?.slots == 1)
            #expect(extended.engines.first?.active == 0)
        }
    }
}

@Suite struct AgentCommandsTests {
    private func commands(_ command: [String], _ counts: CallCounts = CallCounts()) -> AgentCommands {
        AgentCommands(roster: EngineRoster([], logger: .silent), counts: counts, sleepCommand: command, logger: .silent)
    }

    @Test func sleepNeedsACommandAndNoCalls() async {
        #expect(await commands([]).perform(.sleep) == "power.sleep_command is not set on this machine")
        let counts = CallCounts()
        counts.began("m")
        #expect(await commands(["true"], counts).perform(.sleep) == "1 call is in progress")
        counts.ended("m", latency: nil)
        #expect(await commands(["true"], counts).perform(.sleep) == nil)
    }

    @Test func aMissingCommandIsRefused() async {
        let refusal = await commands(["no-such-program-here"]).perform(.sleep)
        #expect(refusal == "executable no-such-program-here not found; correct power.sleep_command")
    }

    @Test func theExitCodeDecides() async {
        #expect(await commands(["true"]).sleep() == nil)
        #expect(await commands(["false"]).sleep() == .failed(command: "false", code: 1, output: ""))
        #expect(
            await commands(["no-such-program-here"]).sleep() == .notStarted("executable no-such-program-here not found")
        )
    }

    /// The command's output is the operator's best hint.
    @Test func theCommandsOutputIsReported() async {
        let script = "echo Failed to suspend; printf '\\033[31mInhibited\\007 by backup\\n' >&2; exit 3"
        let problem = await commands(["sh", "-c", script]).sleep()
        #expect(
            problem?.description
                == "the sleep command sh exited with code 3; its last output:\nFailed to suspend\n [31mInhibited  by backup"
        )
    }

    @Test func onlyTheEndOfALongOutputIsReported() async {
        let script = "for i in $(seq 500); do echo line $i $(printf %0500d 1); done; exit 1"
        let text = await commands(["sh", "-c", script]).sleep()?.description ?? ""
        #expect(text.contains("line 500 ") && !text.contains("line 400 "))
        #expect(text.utf8.count <= OperatorReason.maxLength + 3)
    }

    @Test func aCommandThatHangsIsStopped() async {
        var commands = commands(["sh", "-c", "echo waiting for the lock; exec sleep 600"])
        commands.sleepTimeout = .milliseconds(200)
        let text = await commands.sleep()?.description ?? ""
        #expect(text.contains("was stopped after 0 s; its last output:\nwaiting for the lock"), "\(text)")
    }

    @Test func failedCommandsStateTheReason() async {
        #expect(await commands([]).perform(.load("m")) == "no engine on this machine has this model")
    }
}
