import StandIn
import Testing

@testable import Acceptance

/// Deployments that are not built like ours get no verdict that was not earned: neither a FAIL nor a PASS.
struct HonestVerdictTests {
    // MARK: Sleep

    /// A list that never names the target is no evidence about it.
    @Test func `what is listed neither before nor after did not sleep`() async throws {
        let report = try await Bench(StandInVariant(listsClasses: false, exposesWake: false, bigSleeps: false))
            .run([.wakeOnLAN])
        #expect(report.ids(.fail) == [], "\(report.outline)")
        for id in ["wol.sleep.proven", "wol.wake.time", "wol.wake.keep-alive", "wol.list.final"] {
            #expect(report[id]?.verdict == .inconclusive, "\(report.outline)")
            #expect(report[id]?.summary.contains("neither before nor after") == true, "\(report.outline)")
        }
        #expect(report["wol.calls.answered"]?.verdict == .pass)
        #expect(report.conclusion == .notDecided)
    }

    @Test func `a wake that calls name proves that it slept`() async throws {
        let report = try await Bench(StandInVariant(listsClasses: false)).run([.wakeOnLAN])
        #expect(report["wol.sleep.proven"]?.verdict == .pass, "\(report.outline)")
        #expect(report["wol.wake.time"]?.verdict == .pass, "\(report.outline)")
    }

    // MARK: What is not there

    /// The operator did not name it, and the deployment does not list it.
    @Test(arguments: [404, 400]) func `a class that is not there is not held against anybody`(status: Int) async throws
    {
        var bench = Bench(StandInVariant(unknownStatus: status, hasBigClass: false))
        bench.options.workloadRouting.model = "class:big"
        let report = try await bench.run(TestName.allCases)
        // An unexpected status for an unknown model is reported by the checks of that status only.
        let told = report.results.filter { $0.verdict == .fail }
        #expect(told.allSatisfy { $0.id.contains("unknown") }, "\(report.outline)")
        #expect(told.isEmpty == (status == 404))
        #expect(told.allSatisfy { $0.summary.contains("--expect-status unknown=400") }, "\(report.outline)")
        #expect(report["wol.calls.answered"]?.verdict == .inconclusive)
        #expect(report["wol.calls.answered"]?.summary.contains("the deployment has no class:big") == true)
        #expect(report["workload-routing.answered"]?.verdict == .skip)
        #expect(report["auth.basic.classes"]?.verdict == .pass)
    }

    @Test func `a class that was named has to be there`() async throws {
        var bench = Bench(StandInVariant(hasBigClass: false))
        bench.options.workloadRouting.model = "class:big"
        bench.options.workloadRouting.targetSource = .named
        bench.options.wakeOnLAN.targetSource = .named
        let report = try await bench.run([.wakeOnLAN, .workloadRouting])
        #expect(report["wol.calls.answered"]?.verdict == .fail, "\(report.outline)")
        #expect(report["workload-routing.answered"]?.verdict == .fail)
    }

    // MARK: One token

    /// What the operator's one token may not do is SKIP.
    @Test func `one token that may not ask for classes`() async throws {
        var bench = Bench(defect: .classesDenied)
        bench.tokens = try .fixed(StandInTokens.mint(role: nil))
        let report = try await bench.run(TestName.allCases)
        #expect(report.ids(.fail) == [], "\(report.outline)")
        for id in [
            "wol.calls.answered", "workload-routing.answered", "auth.basic.classes", "model-routing.class.answered",
            "model-routing.permissions.class-allowed",
        ] {
            #expect(report[id]?.verdict == .skip, "\(report.outline)")
            #expect(report[id]?.summary.contains("the provided token may not use class:") == true, "\(report.outline)")
        }
    }

    @Test func `one token that may not list models`() async throws {
        var bench = Bench(defect: .listForbidden)
        bench.tokens = try .fixed(StandInTokens.mint(role: nil))
        let report = try await bench.run([.wakeOnLAN, .modelRouting])
        #expect(report["wol.list.initial"]?.verdict == .skip, "\(report.outline)")
        #expect(report["model-routing.list.shape"]?.verdict == .skip, "\(report.outline)")
    }

    // MARK: One failure, one line

    @Test func `a load without an response fails once`() async throws {
        let report = try await Bench(defect: .chat500).run([.workloadRouting])
        let answered: Set<String> = ["workload-routing.answered", "workload-routing.sequential.answered"]
        #expect(report.ids(.fail) == answered, "\(report.outline)")
        #expect(report["workload-routing.spread"]?.summary == "not decided: no call got a response")
    }

    /// That both name the wrong one is reported by the checks that cover it.
    @Test func `a stream that names what plain responses name agrees with them`() async throws {
        let report = try await Bench(defect: .wrongModel).run([.modelRouting])
        #expect(report["model-routing.stream.agrees"]?.verdict == .pass, "\(report.outline)")
        #expect(report["model-routing.exact.same"]?.verdict == .fail)
    }

    @Test func `a refusal with another status names the option that says so`() async throws {
        let report = try await Bench(.unusualStatuses).run([.modelRouting, .authentication])
        for (id, option) in [
            ("model-routing.unknown.id", "unknown=410"), ("model-routing.permissions.id-refused", "denied=422"),
            ("auth.refused.none", "unauthenticated=418"), ("auth.basic.admin-surface", "denied=422"),
        ] {
            #expect(report[id]?.summary.contains("--expect-status \(option)") == true, "\(report.outline)")
        }
    }

    // MARK: The last line and the page

    @Test func `what is not decided names no failure`() async throws {
        let line = try await Bench(defect: .nothingSlept).run([.wakeOnLAN]).verdictLine
        #expect(line.hasPrefix("not decided: ") && !line.contains("fail"), "\(line)")
    }
}
