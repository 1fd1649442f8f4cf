import Foundation
import Testing

@testable import Acceptance

struct GitHubAnnotationsTests {
    private func lines(
        _ verdict: Verdict, _ level: Level, summary: String = "seen", allowsInconclusive: Bool = false
    ) throws -> [String] {
        let result = CheckResult(
            test: .wakeOnLAN, id: "wol.x", requirement: "It is so.", level: level, verdict: verdict, summary: summary,
            evidence: nil, duration: .zero)
        let report = SuiteReport(
            deployment: try DeploymentAddress("https://ai.example.com"), tests: [.wakeOnLAN], seed: 1,
            allowsInconclusive: allowsInconclusive, results: [result], aborted: nil, interrupted: false,
            stamp: RunStamp(version: "1", began: .distantPast, duration: .zero))
        return GitHubAnnotations(nonce: "N").text(for: report).split(separator: "\n").map(String.init)
    }

    @Test func levelsFollowWhatTheRunMakesOfThem() throws {
        #expect(try lines(.fail, .required)[1] == "::error title=FAIL wol.x::seen%0AIt is so.")
        #expect(try lines(.inconclusive, .required)[1].hasPrefix("::error title=INCONCLUSIVE"))
        #expect(try lines(.inconclusive, .required, allowsInconclusive: true)[1].hasPrefix("::warning "))
        #expect(try lines(.fail, .advisory)[1].hasPrefix("::warning "))
        #expect(try lines(.inconclusive, .advisory)[1].hasPrefix("::notice "))
    }

    @Test func whatHoldsIsOneNotice() throws {
        #expect(
            try lines(.pass, .required) == [
                "::N::",
                "::notice title=Acceptance of https%3A//ai.example.com::"
                    + "passed: 1 check passed, 0 failed, 0 inconclusive, 0 skipped",
                "::stop-commands::N",
            ])
    }

    @Test func textCannotBecomeACommand() throws {
        let all = try lines(.fail, .required, summary: "50 %\r\n::add-mask::x")
        #expect(all[1] == "::error title=FAIL wol.x::50 %25%0D%0A::add-mask::x%0AIt is so.")
        #expect(all.count == 4)
        #expect(GitHubAnnotations.escapedProperty("a:b,c%\n") == "a%3Ab%2Cc%25%0A")
    }
}
