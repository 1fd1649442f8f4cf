import StandIn
import Testing

@testable import Acceptance

/// A check that cannot fail is a defect: every defect is detected by the check that covers it.
struct MutantTests {
    struct Mutant: Sendable, CustomTestStringConvertible {
        let defect: Defect
        let test: TestName
        let caughtBy: String
        var verdict = Verdict.fail
        var requests = 10

        var testDescription: String { "\(defect.rawValue) → \(caughtBy)" }
    }

    static let mutants: [Mutant] = [
        // Waking.
        Mutant(defect: .nothingSlept, test: .wakeOnLAN, caughtBy: "wol.sleep.proven", verdict: .inconclusive),
        Mutant(defect: .nothingSlept, test: .wakeOnLAN, caughtBy: "wol.wake.time", verdict: .inconclusive),
        Mutant(defect: .wakePerRequest, test: .wakeOnLAN, caughtBy: "wol.wake.single-flight"),
        Mutant(defect: .wakesNothing, test: .wakeOnLAN, caughtBy: "wol.calls.answered"),
        Mutant(defect: .wakesNothing, test: .wakeOnLAN, caughtBy: "wol.wake.time"),
        Mutant(defect: .unknownClassWakes, test: .wakeOnLAN, caughtBy: "wol.unknown-class.refused"),
        Mutant(defect: .unknownClassServed, test: .wakeOnLAN, caughtBy: "wol.unknown-class.refused"),
        Mutant(defect: .staysListedAsleep, test: .wakeOnLAN, caughtBy: "wol.list.final"),
        Mutant(defect: .listBreaksWhileWaking, test: .wakeOnLAN, caughtBy: "wol.list.during-wake"),
        Mutant(defect: .streamCut, test: .wakeOnLAN, caughtBy: "wol.answer.stream"),
        Mutant(defect: .emptyContent, test: .wakeOnLAN, caughtBy: "wol.answer.complete"),
        Mutant(defect: .emptyObject, test: .wakeOnLAN, caughtBy: "wol.answer.complete"),
        Mutant(defect: .bigServedByFast, test: .wakeOnLAN, caughtBy: "wol.answer.model"),
        Mutant(defect: .chat500, test: .wakeOnLAN, caughtBy: "wol.calls.answered"),
        Mutant(defect: .packetPerRequest, test: .wakeOnLAN, caughtBy: "wol.wake.single-flight"),
        Mutant(defect: .wakeNamedToSome, test: .wakeOnLAN, caughtBy: "wol.wake.single-flight"),
        Mutant(defect: .wakesNamedApart, test: .wakeOnLAN, caughtBy: "wol.wake.single-flight"),
        Mutant(defect: .wakesOnce, test: .wakeOnLAN, caughtBy: "wol.wake.again"),
        // Routing.
        Mutant(defect: .wrongModel, test: .modelRouting, caughtBy: "model-routing.exact.same"),
        Mutant(defect: .wrongModel, test: .modelRouting, caughtBy: "model-routing.class.member"),
        Mutant(defect: .classEchoed, test: .modelRouting, caughtBy: "model-routing.class.member"),
        Mutant(defect: .bigServedByFast, test: .modelRouting, caughtBy: "model-routing.class.member"),
        Mutant(defect: .bigServedByFast, test: .modelRouting, caughtBy: "model-routing.class.apart"),
        Mutant(defect: .streamNamesAnotherModel, test: .modelRouting, caughtBy: "model-routing.stream.agrees"),
        Mutant(defect: .headerNamesAnotherModel, test: .modelRouting, caughtBy: "model-routing.header.agrees"),
        Mutant(defect: .unknownClassServed, test: .modelRouting, caughtBy: "model-routing.unknown.class"),
        Mutant(defect: .unknownModelWithoutCode, test: .modelRouting, caughtBy: "model-routing.unknown.id"),
        Mutant(defect: .chat500, test: .modelRouting, caughtBy: "model-routing.class.answered"),
        Mutant(defect: .emptyObject, test: .modelRouting, caughtBy: "model-routing.exact.answered"),
        Mutant(defect: .streamCut, test: .modelRouting, caughtBy: "model-routing.class.answered"),
        Mutant(defect: .noFinishReason, test: .modelRouting, caughtBy: "model-routing.exact.answered"),
        Mutant(defect: .rolesIgnored, test: .modelRouting, caughtBy: "model-routing.permissions.id-refused"),
        Mutant(defect: .deniedAs404, test: .modelRouting, caughtBy: "model-routing.permissions.id-refused"),
        Mutant(
            defect: .denialInsideStream, test: .modelRouting, caughtBy: "model-routing.permissions.id-refused-stream"),
        Mutant(defect: .chat500, test: .modelRouting, caughtBy: "model-routing.permissions.class-allowed"),
        Mutant(defect: .chat500, test: .modelRouting, caughtBy: "model-routing.permissions.id-allowed"),
        Mutant(defect: .listWithoutOwner, test: .modelRouting, caughtBy: "model-routing.list.shape"),
        // Load.
        Mutant(defect: .allToOneRunner, test: .workloadRouting, caughtBy: "workload-routing.spread"),
        Mutant(defect: .allToOneRunner, test: .workloadRouting, caughtBy: "workload-routing.coverage", requests: 24),
        Mutant(defect: .skewed, test: .workloadRouting, caughtBy: "workload-routing.load", requests: 80),
        Mutant(defect: .skewed, test: .workloadRouting, caughtBy: "workload-routing.shares", requests: 80),
        Mutant(defect: .losesMost, test: .workloadRouting, caughtBy: "workload-routing.answered"),
        Mutant(defect: .emptyContent, test: .workloadRouting, caughtBy: "workload-routing.answered"),
        Mutant(defect: .emptyContent, test: .workloadRouting, caughtBy: "workload-routing.sequential.answered"),
        Mutant(defect: .wrongModel, test: .workloadRouting, caughtBy: "workload-routing.member"),
        Mutant(
            defect: .neverInTurn, test: .workloadRouting, caughtBy: "workload-routing.sequential.order",
            verdict: .inconclusive),
        // Permissions.
        Mutant(defect: .unknownModelLocksOut, test: .authentication, caughtBy: "auth.basic.unknown-id"),
        Mutant(defect: .adminDenialLocksOut, test: .authentication, caughtBy: "auth.basic.admin-surface"),
        Mutant(defect: .adminDenialLocksOut, test: .authentication, caughtBy: "auth.specific.admin-surface"),
        Mutant(defect: .listForbidden, test: .authentication, caughtBy: "auth.basic.models"),
        Mutant(defect: .listForbidden, test: .wakeOnLAN, caughtBy: "wol.list.initial"),
        Mutant(defect: .anybodyAccepted, test: .authentication, caughtBy: "auth.refused.none"),
        Mutant(defect: .anybodyAccepted, test: .authentication, caughtBy: "auth.refused.empty"),
        Mutant(defect: .anybodyAccepted, test: .authentication, caughtBy: "auth.refused.garbage"),
        Mutant(defect: .badTokenIs400, test: .authentication, caughtBy: "auth.refused.garbage"),
        Mutant(defect: .signatureUnverified, test: .authentication, caughtBy: "auth.refused.broken-signature"),
        Mutant(defect: .algorithmNoneAccepted, test: .authentication, caughtBy: "auth.refused.alg-none"),
        Mutant(defect: .expiredAccepted, test: .authentication, caughtBy: "auth.refused.expired"),
        Mutant(defect: .chat500, test: .authentication, caughtBy: "auth.basic.classes"),
        Mutant(defect: .chat500, test: .authentication, caughtBy: "auth.specific.existing-id"),
        Mutant(defect: .chat500, test: .authentication, caughtBy: "auth.admin.unknown-id"),
        Mutant(defect: .rolesIgnored, test: .authentication, caughtBy: "auth.basic.existing-id"),
        Mutant(defect: .rolesIgnored, test: .authentication, caughtBy: "auth.admin.admin-surface"),
        Mutant(defect: .deniedAs404, test: .authentication, caughtBy: "auth.basic.existing-id"),
        Mutant(defect: .adminRefused, test: .authentication, caughtBy: "auth.admin.admin-surface"),
        Mutant(defect: .adminOpen, test: .authentication, caughtBy: "auth.basic.admin-surface"),
        Mutant(defect: .adminOpen, test: .authentication, caughtBy: "auth.specific.admin-surface"),
        Mutant(defect: .tokenEchoed, test: .authentication, caughtBy: "auth.errors.no-token"),
        Mutant(defect: .noChallenge, test: .authentication, caughtBy: "auth.errors.challenge"),
        Mutant(defect: .plainTextErrors, test: .authentication, caughtBy: "auth.errors.object"),
        // Less common defects.
        Mutant(defect: .wakesWithoutPacket, test: .wakeOnLAN, caughtBy: "wol.wake.packet"),
        Mutant(defect: .malformedPacket, test: .wakeOnLAN, caughtBy: "wol.wake.packet"),
        Mutant(defect: .wakesWhenWarm, test: .wakeOnLAN, caughtBy: "wol.warm.answered"),
        Mutant(defect: .losesHeldCalls, test: .wakeOnLAN, caughtBy: "wol.calls.answered"),
        Mutant(defect: .silentWhileHeld, test: .wakeOnLAN, caughtBy: "wol.wake.keep-alive"),
        Mutant(defect: .unknownClassSlow, test: .wakeOnLAN, caughtBy: "wol.unknown-class.refused"),
        Mutant(defect: .unknownClassIs500, test: .modelRouting, caughtBy: "model-routing.unknown.class"),
        Mutant(defect: .wrongModelSometimes, test: .modelRouting, caughtBy: "model-routing.class.member"),
        Mutant(defect: .fastServedByBig, test: .modelRouting, caughtBy: "model-routing.class.apart"),
        Mutant(defect: .streamChangesModel, test: .modelRouting, caughtBy: "model-routing.stream.agrees"),
        Mutant(defect: .unknownModelServed, test: .modelRouting, caughtBy: "model-routing.unknown.id"),
        Mutant(defect: .unknownModelServed, test: .authentication, caughtBy: "auth.admin.unknown-id"),
        Mutant(defect: .listRepeatsItself, test: .modelRouting, caughtBy: "model-routing.list.shape"),
        Mutant(defect: .classesDenied, test: .modelRouting, caughtBy: "model-routing.permissions.class-allowed"),
        Mutant(defect: .streamWithoutDone, test: .modelRouting, caughtBy: "model-routing.class.answered"),
        Mutant(defect: .streamIgnored, test: .modelRouting, caughtBy: "model-routing.class.answered"),
        Mutant(defect: .connectionCut, test: .modelRouting, caughtBy: "model-routing.class.answered"),
        Mutant(defect: .losesFew, test: .workloadRouting, caughtBy: "workload-routing.answered", requests: 24),
        Mutant(
            defect: .inventsRunners, test: .workloadRouting, caughtBy: "workload-routing.spread",
            verdict: .inconclusive),
        Mutant(defect: .signatureMayBeMissing, test: .authentication, caughtBy: "auth.refused.no-signature"),
        Mutant(defect: .claimsUnverified, test: .authentication, caughtBy: "auth.refused.changed-claims"),
        Mutant(defect: .listIsPublic, test: .authentication, caughtBy: "auth.refused.none"),
        Mutant(defect: .chatIsPublic, test: .authentication, caughtBy: "auth.refused.none"),
        Mutant(defect: .idsDeniedToAll, test: .authentication, caughtBy: "auth.specific.existing-id"),
        Mutant(defect: .adminIsNoCaller, test: .authentication, caughtBy: "auth.admin.existing-id"),
        Mutant(defect: .adminOpenToSpecific, test: .authentication, caughtBy: "auth.specific.admin-surface"),
        Mutant(defect: .deniedAsPlain400, test: .authentication, caughtBy: "auth.basic.existing-id"),
        Mutant(defect: .tokenInMessage, test: .authentication, caughtBy: "auth.errors.no-token"),
        Mutant(defect: .errorsLackKeys, test: .authentication, caughtBy: "auth.errors.object"),
        Mutant(defect: .errorsAre200, test: .authentication, caughtBy: "auth.refused.garbage"),
        Mutant(defect: .badTokenIs500, test: .authentication, caughtBy: "auth.refused.garbage"),
        Mutant(defect: .locksOut, test: .authentication, caughtBy: "auth.refused.none"),
    ]

    @Test(arguments: mutants) func mutantIsCaught(_ mutant: Mutant) async throws {
        let needsPackets = [.wakesWithoutPacket, .malformedPacket, .packetPerRequest].contains(mutant.defect)
        let port = needsPackets ? try await freeUDPPort() : nil
        var bench = Bench(StandInVariant(packetPort: port), defect: mutant.defect)
        bench.options.wakeOnLAN.packetPort = port
        bench.options.workloadRouting.requests = mutant.requests
        bench.options.wakeOnLAN.putToSleep = { [deployment = bench.deployment] in deployment.putToSleep() }
        // The operator claims that the machine sleeps although it does not: these mutants test that.
        if mutant.defect == .nothingSlept { bench.options.wakeOnLAN.putToSleep = nil }
        if mutant.defect == .wakesNothing || mutant.defect == .wakesOnce {
            // It holds its calls until the client times out. Long enough for all other calls on a busy host, and used
            // only once.
            bench.options.timeout = .seconds(5)
            bench.options.only = [mutant.caughtBy]
        }
        let report = try await bench.run([mutant.test])
        let result = try #require(report[mutant.caughtBy], "the check did not run:\n\(report.outline)")
        #expect(result.verdict == mutant.verdict, "\(result.summary)\n\(report.outline)")
        if mutant.verdict == .fail, result.level == .required {
            #expect(report.conclusion == .failed)
            #expect(report.conclusion.exitCode == 1)
        }
    }

    @Test func everyDefectIsTried() {
        // Advice on times is unreliable while tests run side by side: `scripts/mutants` covers it.
        let tried = Set(Self.mutants.map(\.defect)).union(Defect.allCases.filter { $0.isOnlyAdvice || $0.isOfDialects })
        #expect(Defect.allCases.filter { !tried.contains($0) } == [])
    }

    @Test func notDecidedIsNotFailed() async throws {
        let report = try await Bench(defect: .nothingSlept).run([.wakeOnLAN])
        #expect(report.ids(.fail) == [])
        #expect(report.conclusion == .notDecided)
        #expect(report.verdictLine.hasPrefix("not decided"))
        #expect(report["wol.calls.answered"]?.verdict == .pass)
    }
}
