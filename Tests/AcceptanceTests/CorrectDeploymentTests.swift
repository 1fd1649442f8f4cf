import StandIn
import Synchronization
import Testing

@testable import Acceptance

/// A check that fails a correct deployment is a defect, too.
struct CorrectDeploymentTests {
    /// Checks that need the name of the serving runner: undecided if the deployment does not state it.
    static let distribution: Set<String> = [
        "workload-routing.spread", "workload-routing.coverage", "workload-routing.load", "workload-routing.shares",
        "workload-routing.sequential.order",
    ]
    static let timing: Set<String> = [
        "workload-routing.timing.response", "workload-routing.timing.queueing", "workload-routing.timing.parallel",
        "workload-routing.timing.phases",
    ]

    @Test(arguments: [403, 400]) func everythingPasses(deniedStatus: Int) async throws {
        var bench = Bench(StandInVariant(deniedStatus: deniedStatus))
        bench.options.workloadRouting.requests = 24
        bench.options.wakeOnLAN.grades = true
        let report = try await bench.run(TestName.allCases)
        #expect(report.ids(.fail) == [], "\(report.outline)")
        #expect(report.ids(.inconclusive) == [], "\(report.outline)")
        let unasked = Self.timing.union(["wol.wake.packet", "wol.wake.again", "auth.open"])
        // The default deployment serves only chat completions.
        let absent = Set(TestName.dialects.checks.map(\.id))
        #expect(report.ids(.skip) == unasked.union(absent), "\(report.outline)")
        #expect(report.conclusion == .passed)
        #expect(report.count(.pass) >= 40)
        #expect(report.results.count == TestName.allCases.flatMap(\.checks).count)
    }

    @Test func withoutRunnerHeaderOnlyDistributionIsOpen() async throws {
        let report = try await Bench(.silent).run(TestName.allCases)
        #expect(report.ids(.fail) == [], "\(report.outline)")
        #expect(report.ids(.inconclusive) == Self.distribution, "\(report.outline)")
        #expect(report["wol.wake.single-flight"]?.verdict == .skip)
        #expect(report.conclusion == .notDecided)
    }

    @Test func allowInconclusivePassesIt() async throws {
        var bench = Bench(.silent)
        bench.options.allowsInconclusive = true
        let report = try await bench.run([.workloadRouting])
        #expect(report.conclusion == .passed, "\(report.outline)")
    }

    /// Figures only: how fast this host is decides nothing.
    @Test func timingIsAnalysed() async throws {
        var bench = Bench()
        bench.options.workloadRouting.analyzesTiming = true
        bench.options.only = ["workload-routing.timing"]
        let report = try await bench.run([.workloadRouting])
        #expect(report["workload-routing.timing.response"]?.summary.contains("fast-1 (6): median") == true)
        #expect(report["workload-routing.timing.queueing"]?.summary.contains("alone") == true)
        #expect(report["workload-routing.timing.parallel"]?.summary.contains("with one") == true)
        #expect(report["workload-routing.timing.phases"]?.summary.contains("first token") == true)
        #expect(report.results.allSatisfy { $0.level == .advisory })
    }

    @Test func defaultRequestsDecide() async throws {
        let report = try await Bench().run([.workloadRouting])
        #expect(report["workload-routing.spread"]?.verdict == .pass, "\(report.outline)")
        #expect(report.conclusion == .passed, "\(report.outline)")
    }

    @Test func withoutAdminSurfaceItsColumnIsSkipped() async throws {
        let report = try await Bench(StandInVariant(hasAdminSurface: false)).run([.authentication])
        #expect(
            report.ids(.skip) == [
                "auth.open", "auth.basic.admin-surface", "auth.specific.admin-surface", "auth.admin.admin-surface",
            ])
        #expect(report.conclusion == .passed)
    }

    @Test func oneTokenAloneCanPass() async throws {
        var bench = Bench()
        bench.tokens = try .fixed(StandInTokens.mint(role: nil))
        let report = try await bench.run([.authentication])
        #expect(report.ids(.fail) == [], "\(report.outline)")
        #expect(report.conclusion == .passed)
        #expect(report["auth.specific.existing-id"]?.verdict == .skip)
        #expect(report["auth.basic.classes"]?.verdict == .pass)
    }

    @Test func oneTokenWithoutRightsSkipsExactIDs() async throws {
        var bench = Bench()
        bench.tokens = try .fixed(StandInTokens.mint(role: nil))
        let report = try await bench.run([.modelRouting])
        #expect(report.ids(.fail) == [], "\(report.outline)")
        #expect(report["model-routing.exact.same"]?.verdict == .skip)
        #expect(report["model-routing.permissions.id-refused"]?.verdict == .skip)
    }

    @Test func receivesPackets() async throws {
        let port = try await freeUDPPort()
        var bench = Bench(StandInVariant(exposesWake: false, packetPort: port))
        bench.options.wakeOnLAN.packetPort = port
        let report = try await bench.run([.wakeOnLAN])
        #expect(report["wol.wake.packet"]?.verdict == .pass, "\(report.outline)")
        #expect(report["wol.wake.packet"]?.summary.contains("02:00:00:00:00:0a") == true)
        #expect(report["wol.wake.single-flight"]?.verdict == .pass)
    }

    @Test func missingPacketsFail() async throws {
        var bench = Bench()
        bench.options.wakeOnLAN.packetPort = try await freeUDPPort()
        let report = try await bench.run([.wakeOnLAN])
        #expect(report["wol.wake.packet"]?.verdict == .fail)
    }

    @Test func manyPacketsAtOnceFailSingleFlight() async throws {
        let port = try await freeUDPPort()
        var bench = Bench(StandInVariant(exposesWake: false, packetPort: port), defect: .wakePerRequest)
        bench.options.wakeOnLAN.packetPort = port
        let report = try await bench.run([.wakeOnLAN])
        #expect(report["wol.wake.single-flight"]?.verdict == .fail, "\(report.outline)")
    }

    @Test func sleepCommandMakesTheWakeProvable() async throws {
        var bench = Bench(StandInVariant(bigSleeps: false))
        let deployment = bench.deployment
        bench.options.wakeOnLAN.putToSleep = { deployment.state.withLock { $0.big = .asleep } }
        let report = try await bench.run([.wakeOnLAN])
        #expect(report["wol.sleep.proven"]?.verdict == .pass)
        #expect(report["wol.wake.time"]?.verdict == .pass, "\(report.outline)")
    }

    @Test func itWakesAgain() async throws {
        var bench = Bench()
        bench.options.wakeOnLAN.putToSleep = { [deployment = bench.deployment] in deployment.putToSleep() }
        let report = try await bench.run([.wakeOnLAN])
        #expect(report["wol.wake.again"]?.verdict == .pass, "\(report.outline)")
        #expect(bench.deployment.state.withLock { $0.wakes } == 2)
    }

    @Test func whatDoesNotFallAsleepIsWaitedForOnlySoLong() async throws {
        var bench = Bench(StandInVariant(bigSleeps: false))
        let asked = Mutex(0)
        bench.options.wakeOnLAN.putToSleep = { asked.withLock { $0 += 1 } }
        bench.options.wakeOnLAN.sleepTimeout = .milliseconds(100)
        let report = try await bench.run([.wakeOnLAN])
        #expect(asked.withLock { $0 } == 1)
        #expect(report["wol.sleep.proven"]?.verdict == .inconclusive, "\(report.outline)")
        #expect(report["wol.wake.again"]?.verdict == .inconclusive)
        #expect(report.ids(.fail) == [])
    }

    @Test func aClassThatIsNotThereIsNamed() async throws {
        let report = try await Bench(StandInVariant(hasBigClass: false)).run([.authentication])
        for persona in ["basic", "specific", "admin"] {
            let result = report["auth.\(persona).classes"]
            #expect(result?.verdict == .pass, "\(report.outline)")
            #expect(result?.summary.hasSuffix("class:big is not available") == true, "\(report.outline)")
        }
    }

    @Test func exactIDsAreAskedForEnoughTokensAndNoPromptTwice() async throws {
        let bench = Bench()
        _ = try await bench.run([.modelRouting, .workloadRouting])
        let asked = bench.deployment.state.withLock { $0.asked }
        let exact = asked.filter { !$0.model.hasPrefix("class:") }
        #expect(!exact.isEmpty)
        #expect(exact.allSatisfy { ($0.maxTokens ?? 0) >= 16 })
        #expect(Set(asked.map { $0.prompt.prefix(8) }).count == asked.count)
    }

    /// Five calls for each runner that the list states, followed by the usual load.
    @Test(arguments: [(nil, 2), (3, 3)] as [(Int?, Int)])
    func warmingUpEnds(stated: Int?, runners: Int) async throws {
        var bench = Bench(defect: .allToOneRunner)
        bench.options.workloadRouting.sequential = false
        bench.options.workloadRouting.runners = stated
        _ = try await bench.run([.workloadRouting])
        let calls = bench.deployment.state.withLock { $0.asked.count }
        #expect(calls == 5 * runners + Coverage.decisiveRequests(runners: runners))
    }

    @Test func oneRunnerOfAnUnknownNumberIsNotJudged() async throws {
        let report = try await Bench(StandInVariant(countsRunners: false), defect: .allToOneRunner)
            .run([.workloadRouting])
        #expect(report["workload-routing.spread"]?.verdict == .inconclusive, "\(report.outline)")
        #expect(report["workload-routing.spread"]?.summary.contains("--runners") == true)
        #expect(report.ids(.fail) == [])
    }

    @Test func theOperatorsRunnerHeaderWins() async throws {
        var bench = Bench(defect: .inventsRunners)
        bench.options.workloadRouting.runnerHeader = "X-Machine"
        let report = try await bench.run([.workloadRouting])
        #expect(report["workload-routing.spread"]?.verdict == .pass, "\(report.outline)")
        #expect(report["workload-routing.spread"]?.summary.hasPrefix("fast-1 6, fast-2 6") == true)
    }

    @Test func reportsATokenProgramThatIgnoresRoles() async throws {
        var bench = Bench()
        bench.tokens = .provider({ _, _ in StandInTokens.mint(role: nil) })
        let report = try await bench.run([.authentication])
        #expect(report["auth.specific.existing-id"]?.verdict == .fail)
        let summary = report["auth.specific.existing-id"]?.summary
        #expect(summary?.contains("seems to ignore --role") == true, "\(report.outline)")
    }

    /// Shares decide if there are enough calls; with fewer they are advisory.
    @Test(arguments: [(10, Level.advisory), (40, .required)])
    func sharesWeighWhatTheCallsCarry(requests: Int, level: Level) async throws {
        var bench = Bench(defect: .skewed)
        bench.options.workloadRouting.requests = requests
        let result = try #require(try await bench.run([.workloadRouting])["workload-routing.shares"])
        #expect(result.level == level, "\(result.summary)")
        // Where all calls began at once, shares alone fail no deployment, and pass none.
        let verdicts: [Verdict] = level == .required ? [.fail, .inconclusive] : [.pass, .inconclusive, .skip]
        #expect(verdicts.contains(result.verdict), "\(result.summary)")
        #expect(result.summary.contains("--requests 11 would decide") == (level == .advisory))
    }

    @Test func slowWakeFailsBeyondMaxWake() async throws {
        var bench = Bench()
        bench.options.wakeOnLAN.maxWake = .milliseconds(1)
        let report = try await bench.run([.wakeOnLAN])
        #expect(report["wol.wake.time"]?.verdict == .fail)
        #expect(report["wol.wake.time"]?.summary.contains("--max-wake") == true)
    }

    @Test func silentStreamFails() async throws {
        var bench = Bench()
        // No answer comes without any silence, however quick the machine is.
        bench.options.wakeOnLAN.silenceTimeout = .nanoseconds(1)
        let report = try await bench.run([.wakeOnLAN])
        #expect(report["wol.wake.keep-alive"]?.verdict == .fail, "\(report.outline)")
    }

    @Test func expiredTokenIsExplained() async throws {
        var bench = Bench()
        bench.tokens = try .fixed(StandInTokens.mint(role: nil, expiresIn: -60))
        let report = try await bench.run([.authentication])
        #expect(report.aborted?.contains("has expired") == true)
        #expect(report.conclusion == .failed)
    }

    @Test func exactIDCanBeTheTarget() async throws {
        var bench = Bench()
        bench.options.wakeOnLAN.model = "sim-large"
        let report = try await bench.run([.wakeOnLAN])
        #expect(report.ids(.fail) == [], "\(report.outline)")
        #expect(report["wol.wake.time"]?.verdict == .pass)
    }

    @Test func roundRobinPolicyDecides() async throws {
        var bench = Bench(defect: .neverInTurn)
        bench.options.workloadRouting.policy = .roundRobin
        let broken = try await bench.run([.workloadRouting])
        #expect(broken["workload-routing.sequential.order"]?.verdict == .fail)
    }

    /// Whether it names itself or not: there is nothing to distribute.
    @Test(arguments: [StandInVariant.forbidden, .silent])
    func oneRunnerStatedIsSkipped(_ variant: StandInVariant) async throws {
        var bench = Bench(variant, defect: .allToOneRunner)
        bench.options.workloadRouting.sequential = false
        bench.options.workloadRouting.runners = 1
        let report = try await bench.run([.workloadRouting])
        #expect(report.conclusion == .passed, "\(report.outline)")
        #expect(report["workload-routing.spread"]?.verdict == .skip, "\(report.outline)")
    }

    /// The right answer to the right question: each call carries the token that the check is about.
    @Test func callsCarryTheirTokens() async throws {
        let bench = Bench()
        _ = try await bench.run([.authentication])
        let seen = bench.deployment.state.withLock { $0.seen }
        let forID = Set(seen.filter { $0.model == "sim-small" }.map { $0.authorization ?? "" })
        #expect(forID.count == 3)
        let admin = Set(seen.filter { $0.path == "/admin" }.map { $0.authorization ?? "" })
        #expect(admin.count == 3)
    }
}
