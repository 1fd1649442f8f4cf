import Foundation

/// The report as one JSON object; field names are stable (docs/report.schema.json).
struct JSONReport: Encodable {
    struct Item: Encodable {
        let id: String
        let round: Int
        let test: String
        let requirement: String
        let level: String
        let verdict: String
        let summary: String
        let seconds: Double
        let evidence: EvidenceItem?
    }

    struct EvidenceItem: Encodable {
        let sent: String
        let received: String
        let expected: String
        let curl: String
    }

    let target: String
    let tests: [String]
    let seed: UInt64
    let rounds: Int
    /// Accuracy of the times in this report, in seconds at p95; nil if it was not needed or could not be measured.
    let clockError: Double?
    let version: String
    let began: String
    let seconds: Double
    let conclusion: String
    let exitCode: Int32
    let aborted: String?
    let counts: [String: Int]
    let checks: [Item]
    let wake: JSONFigures.Wake?
    let shares: JSONFigures.Shares?
    let permissions: [JSONFigures.Permission]?

    init(_ report: SuiteReport) {
        target = report.deployment.description
        tests = report.tests.map(\.rawValue)
        seed = report.seed
        rounds = report.rounds
        clockError = report.clock?.error.map { ($0.inSeconds * 1e6).rounded() / 1e6 }
        version = report.stamp.version
        began = report.stamp.beganInUTC
        seconds = report.stamp.duration.inRoundSeconds
        conclusion = report.conclusion.rawValue
        exitCode = report.conclusion.exitCode
        aborted = report.aborted
        counts = Dictionary(uniqueKeysWithValues: Verdict.allCases.map { ($0.rawValue, report.count($0)) })
        checks = report.results.map { result in
            Item(
                id: result.id, round: result.round, test: result.test.rawValue, requirement: result.requirement,
                level: result.level.rawValue, verdict: result.verdict.rawValue, summary: result.summary,
                seconds: result.duration.inRoundSeconds,
                evidence: result.evidence.map {
                    EvidenceItem(sent: $0.sent, received: $0.received, expected: $0.expected, curl: $0.curl)
                })
        }
        wake = report.wake.map(JSONFigures.Wake.init)
        shares = report.shares.map(JSONFigures.Shares.init)
        permissions = report.permissions?.cells.map(JSONFigures.Permission.init)
    }

    var text: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
        } catch {
            // Encoding fails only for a number that is not finite, and durations are finite.
            return "{\"conclusion\": \"\(conclusion)\"}\n"
        }
    }
}
