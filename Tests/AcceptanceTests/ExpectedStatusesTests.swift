import StandIn
import Testing

@testable import Acceptance

/// A deployment may refuse with statuses of its own if its operator names them.
struct ExpectedStatusesTests {
    private static let unusual: ExpectedStatuses = {
        var statuses = ExpectedStatuses()
        statuses.name([422], for: .denied)
        statuses.name([418], for: .unauthenticated)
        statuses.name([410], for: .unknown)
        return statuses
    }()

    private func report(
        _ tests: [TestName], _ variant: StandInVariant, _ defect: Defect? = nil, _ statuses: ExpectedStatuses
    ) async throws -> SuiteReport {
        var bench = Bench(variant, defect: defect)
        bench.options.expectedStatuses = statuses
        return try await bench.run(tests)
    }

    @Test func namedCodesAreAsGoodAsTheContracts() async throws {
        let report = try await report(TestName.allCases, .unusualStatuses, nil, Self.unusual)
        #expect(report.ids(.fail) == [], "\(report.outline)")
        #expect(report.conclusion == .passed, "\(report.outline)")
        #expect(report["auth.basic.existing-id"]?.summary.contains("422") == true)
        #expect(report["auth.basic.admin-surface"]?.summary.contains("422") == true)
        #expect(report["auth.refused.garbage"]?.summary.contains("418") == true)
        #expect(report["model-routing.unknown.id"]?.summary.contains("410") == true)
    }

    @Test func withoutTheOptionTheyFail() async throws {
        let report = try await report(TestName.allCases, .unusualStatuses, nil, ExpectedStatuses())
        let failed = report.ids(.fail)
        for id in [
            "wol.unknown-class.refused", "model-routing.unknown.class", "model-routing.unknown.id",
            "model-routing.permissions.id-refused", "auth.refused.none", "auth.refused.expired",
            "auth.basic.existing-id", "auth.basic.unknown-id", "auth.basic.admin-surface", "auth.admin.unknown-id",
        ] {
            #expect(failed.contains(id), "\(id)\n\(report.outline)")
        }
        #expect(report["auth.basic.existing-id"]?.evidence?.expected == "403 (or 400 with `Permission denied`)")
    }

    /// An expected status that the operator names does not excuse a refusal of the wrong request.
    @Test(arguments: [
        (Defect.rolesIgnored, TestName.authentication, "auth.basic.existing-id"),
        (.deniedAs404, .authentication, "auth.basic.existing-id"),
        (.deniedAsPlain400, .authentication, "auth.basic.existing-id"),
        (.adminOpen, .authentication, "auth.basic.admin-surface"),
        (.anybodyAccepted, .authentication, "auth.refused.none"),
        (.signatureUnverified, .authentication, "auth.refused.broken-signature"),
        (.algorithmNoneAccepted, .authentication, "auth.refused.alg-none"),
        (.expiredAccepted, .authentication, "auth.refused.expired"),
        (.badTokenIs400, .authentication, "auth.refused.garbage"),
        (.badTokenIs500, .authentication, "auth.refused.garbage"),
        (.plainTextErrors, .authentication, "auth.errors.object"),
        (.unknownModelServed, .authentication, "auth.admin.unknown-id"),
        (.unknownModelServed, .modelRouting, "model-routing.unknown.id"),
        (.unknownClassServed, .modelRouting, "model-routing.unknown.class"),
        (.unknownClassIs500, .modelRouting, "model-routing.unknown.class"),
        (.unknownClassSlow, .modelRouting, "model-routing.unknown.class"),
        (.denialInsideStream, .modelRouting, "model-routing.permissions.id-refused-stream"),
        (.unknownClassWakes, .wakeOnLAN, "wol.unknown-class.refused"),
    ])
    func mutantsStayCaught(_ defect: Defect, test: TestName, id: String) async throws {
        let report = try await report([test], .unusualStatuses, defect, Self.unusual)
        #expect(report[id]?.verdict == .fail, "\(report.outline)")
        #expect(report.conclusion == .failed)
    }

    @Test func evidenceNamesWhatWasExpectedThen() async throws {
        let report = try await report([.authentication], .unusualStatuses, .rolesIgnored, Self.unusual)
        #expect(report["auth.basic.existing-id"]?.evidence?.expected == "422 (--expect-status denied=422)")
    }

    @Test func aNamedCodeNeedsNoMessage() async throws {
        var statuses = ExpectedStatuses()
        statuses.name([403], for: .denied)
        statuses.name([400], for: .denied)
        let with = try await report([.authentication], .forbidden, .deniedAsPlain400, statuses)
        #expect(with["auth.basic.existing-id"]?.verdict == .pass, "\(with.outline)")
    }

    @Test func namingReplacesTheContractsCodes() async throws {
        var statuses = ExpectedStatuses()
        statuses.name([403], for: .denied)
        let report = try await report([.authentication], .badRequest, nil, statuses)
        #expect(report["auth.basic.existing-id"]?.verdict == .fail, "\(report.outline)")
    }

    /// Where 404 is named, the contract's error code is still required with it.
    @Test func theContractsStatusKeepsItsCode() async throws {
        var statuses = ExpectedStatuses()
        statuses.name([404, 410], for: .unknown)
        let report = try await report([.modelRouting], .forbidden, .unknownModelWithoutCode, statuses)
        #expect(report["model-routing.unknown.id"]?.verdict == .fail, "\(report.outline)")
    }
}
