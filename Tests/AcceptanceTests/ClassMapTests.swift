import StandIn
import Testing

@testable import Acceptance

/// A deployment whose model list does not state the members of its classes: the operator's map decides; without one
/// the checks are inconclusive.
struct ClassMapTests {
    private func report(_ defect: Defect? = nil, map: [String: Set<String>] = [:]) async throws -> SuiteReport {
        var bench = Bench(StandInVariant(listsClasses: false, bigSleeps: false), defect: defect)
        bench.options.modelRouting.models = ["class:fast", "class:big"]
        bench.options.classMap = map
        return try await bench.run([.modelRouting])
    }

    private static let known: [String: Set<String>] = ["fast": ["sim-small"], "big": ["sim-large"]]

    @Test func unknownMembersAreNotJudged() async throws {
        for defect in [nil, Defect.bigServedByFast] {
            let report = try await report(defect)
            #expect(report["model-routing.class.member"]?.verdict == .inconclusive, "\(report.outline)")
            #expect(report["model-routing.class.apart"]?.verdict == .inconclusive, "\(report.outline)")
            #expect(report["model-routing.class.apart"]?.summary.contains("--class-map") == true)
        }
    }

    @Test func theOperatorsMapDecides() async throws {
        let right = try await report(map: Self.known)
        #expect(right["model-routing.class.member"]?.verdict == .pass, "\(right.outline)")
        #expect(right["model-routing.class.apart"]?.verdict == .pass, "\(right.outline)")
        let wrong = try await report(.bigServedByFast, map: Self.known)
        #expect(wrong["model-routing.class.member"]?.verdict == .fail, "\(wrong.outline)")
        #expect(wrong["model-routing.class.apart"]?.verdict == .fail, "\(wrong.outline)")
    }
}
