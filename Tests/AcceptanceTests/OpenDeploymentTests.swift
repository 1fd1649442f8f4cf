import StandIn
import Synchronization
import Testing

@testable import Acceptance

/// A deployment without authentication: correct if the operator declares it, a failure otherwise.
struct OpenDeploymentTests {
    private func bench(_ variant: StandInVariant, _ defect: Defect? = nil) -> Bench {
        var bench = Bench(variant, defect: defect)
        bench.tokens = .withoutCredentials()
        return bench
    }

    @Test func saidToBeOpenItPassesWithoutAToken() async throws {
        let bench = bench(.open)
        let report = try await bench.run(TestName.allCases)
        #expect(report.ids(.fail) == [] && report.ids(.inconclusive) == [], "\(report.outline)")
        #expect(report.conclusion == .passed)
        #expect(report["auth.open"]?.verdict == .pass)
        let others = report.results.filter { $0.test == .authentication && $0.id != "auth.open" }
        #expect(others.allSatisfy { $0.verdict == .skip && $0.summary.contains("--no-auth") }, "\(report.outline)")
        for id in ["wol.wake.time", "model-routing.exact.same", "model-routing.unknown.id", "workload-routing.spread"] {
            #expect(report[id]?.verdict == .pass, "\(id)\n\(report.outline)")
        }
        #expect(report["model-routing.permissions.class-allowed"]?.verdict == .skip)
        let sent = bench.deployment.state.withLock { Set($0.seen.map(\.authorization)) }
        #expect(sent == [nil, "Bearer garbage"])
    }

    @Test func withoutTheFlagItFails() async throws {
        let report = try await Bench(.open).run([.authentication])
        for id in ["auth.refused.none", "auth.refused.garbage", "auth.refused.expired", "auth.basic.admin-surface"] {
            #expect(report[id]?.verdict == .fail, "\(report.outline)")
        }
        #expect(report["auth.refused.none"]?.summary.contains("--no-auth") == true)
        #expect(report["auth.open"]?.verdict == .skip)
    }

    /// The flag hides nothing: if any request needs credentials, the flag is wrong.
    @Test(
        arguments: [
            nil, .listIsPublic, .chatIsPublic, .signatureUnverified, .algorithmNoneAccepted, .expiredAccepted,
            .rolesIgnored, .errorsAre200, .badTokenIs400, .locksOut, .chat500,
        ] as [Defect?])
    func theFlagIsVerified(_ defect: Defect?) async throws {
        let report = try await bench(.forbidden, defect).run([.authentication])
        #expect(report["auth.open"]?.verdict == .fail, "\(report.outline)")
        #expect(report.conclusion == .failed)
    }

    @Test func reportsWhatIsWrongWithTheFlag() async throws {
        let report = try await bench(.forbidden, .listIsPublic).run([.authentication])
        #expect(report["auth.open"]?.summary.contains("remove --no-auth") == true, "\(report.outline)")
        #expect(report["auth.open"]?.evidence?.expected.contains("--no-auth") == true)
    }

    /// Optional credentials are authentication, too.
    @Test func onlyResponsesCount() async throws {
        let report = try await bench(.open, .emptyObject).run([.authentication])
        #expect(report["auth.open"]?.verdict == .fail, "\(report.outline)")
    }
}
