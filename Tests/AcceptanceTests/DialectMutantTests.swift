import StandIn
import Testing

@testable import Acceptance

/// Every violation of the other APIs' contract fails exactly the checks that state the requirement.
struct DialectMutantTests {
    struct Mutant: Sendable, CustomTestStringConvertible {
        let defect: Defect
        /// The last part of the ids of the failing checks.
        let properties: Set<String>
        var fails: @Sendable (Endpoint) -> Bool = { _ in true }

        var testDescription: String { "\(defect.rawValue) → \(properties.sorted().joined(separator: ", "))" }

        /// The checks that must fail, and no others.
        var ids: Set<String> {
            let all = Set(TestName.dialects.checks.map(\.id))
            return Set(
                Endpoint.allCases.filter(fails).flatMap { endpoint in
                    properties.map { "dialects.\(endpoint.rawValue).\($0)" }
                }
            ).intersection(all)
        }
    }

    static let mutants: [Mutant] = [
        Mutant(defect: .dialectCallsFail, properties: ["answered"]),
        Mutant(defect: .dialectRepliesEmpty, properties: ["answered"]),
        Mutant(defect: .dialectNamesAnotherModel, properties: ["model"]),
        Mutant(defect: .dialectStreamTruncated, properties: ["stream"]),
        Mutant(defect: .dialectStreamEndsAsIfComplete, properties: ["stream"]),
        Mutant(defect: .dialectStreamEndsTwice, properties: ["stream"]),
        Mutant(defect: .dialectStreamIgnored, properties: ["stream"]),
        Mutant(defect: .dialectErrorsLikeChat, properties: ["errors", "rights"]) {
            $0.dialect == .anthropic || $0.dialect == .ollama
        },
        Mutant(defect: .dialectErrorsAreText, properties: ["errors", "rights"]),
        Mutant(defect: .dialectUnknownModelServed, properties: ["errors"]) { $0.modelKind != nil },
        Mutant(defect: .dialectTypesUnchecked, properties: ["errors"]) { $0.modelKind != nil },
        Mutant(defect: .dialectsArePublic, properties: ["errors"]),
        Mutant(defect: .dialectMethodsUnchecked, properties: ["errors"]),
        Mutant(defect: .dialectRolesIgnored, properties: ["rights"]),
        Mutant(defect: .apiKeyIgnored, properties: ["api-key"]),
        Mutant(defect: .apiKeyUnverified, properties: ["api-key"]),
        Mutant(defect: .dialectUsageMissing, properties: ["usage"]) { $0.statesUsage },
        Mutant(defect: .dialectCallsUncounted, properties: ["usage"]),
        Mutant(defect: .silentDialects, properties: ["waiting"]),
        Mutant(defect: .foreignKeepalives, properties: ["waiting"]),
        Mutant(defect: .waitEndsAsIfComplete, properties: ["waiting"]),
        Mutant(defect: .cancelIgnored, properties: ["cancel"]),
        Mutant(defect: .countingTokensWakes, properties: ["no-wake"]),
        Mutant(defect: .speechTruncated, properties: ["answered"]) { $0 == .speech },
        Mutant(defect: .speechWithoutSamples, properties: ["answered"]) { $0 == .speech },
        Mutant(defect: .imageTruncated, properties: ["answered"]) { $0 == .images },
        Mutant(defect: .imageOfNoFormat, properties: ["answered"]) { $0 == .images },
        Mutant(defect: .transcriptEmpty, properties: ["answered"]) { $0 == .transcriptions },
        Mutant(defect: .vectorsZero, properties: ["answered"]) { $0 == .embeddings || $0 == .ollamaEmbed },
        Mutant(defect: .tagsHideSleepingModels, properties: ["complete"]),
    ]

    @Test(arguments: mutants) func `exactly the checks that state it fail`(_ mutant: Mutant) async throws {
        var bench = Bench(.dialects, defect: mutant.defect)
        bench.options.timeout = .seconds(40)
        let report = try await bench.run([.dialects])
        #expect(!mutant.ids.isEmpty)
        #expect(report.ids(.fail) == mutant.ids, "\(report.outline)")
        #expect(report.conclusion == .failed)
        // A requirement that another failure leaves undecided names that failure.
        for result in report.results where result.verdict == .inconclusive {
            #expect(result.cause.map(mutant.ids.contains) == true, "\(result.id): \(result.summary)")
        }
    }

    @Test func `every defect of these APIs is tried`() {
        #expect(Set(Self.mutants.map(\.defect)) == Set(Defect.allCases.filter(\.isOfDialects)))
    }

    /// A requirement without a mutant may be one that no deployment can violate.
    @Test func `every check has a mutant`() {
        let covered = Self.mutants.reduce(into: Set<String>()) { $0.formUnion($1.ids) }
        #expect(Set(TestName.dialects.checks.map(\.id)).subtracting(covered) == [])
    }
}
