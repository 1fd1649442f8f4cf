import Foundation

/// The response of `POST /v1/route` as a table for a terminal.
struct RouteTable {
    private struct Route: Decodable {
        struct Candidate: Decodable {
            let runner: String
            let state: String
            let model: String?
            let loaded: Bool
            let reason: String
            let rank: Int?
            let tier: Int
            let active: Int
            let slots: Int
            let wouldBeWoken: Bool
            let wakeEtaMs: Int?
        }
        struct Access: Decodable {
            let roles: [String]
            let allowed: Bool
            let because: String
            let byRoles: [String]
            let mayWake: Bool
            let priority: Int
        }
        struct Problem: Decodable { let message: String }
        struct Alias: Decodable {
            let name: String
            let pattern: String
            let target: String
            let keepName: Bool
        }
        struct Parameters: Decodable {
            let pattern: String
            let summary: String
        }

        let model: String
        let endpoint: String?
        let alias: Alias?
        let parameters: [Parameters]?
        let models: [String]
        let policy: String?
        let outcome: String
        let runner: String?
        let serves: String?
        let expectedWaitMs: Int?
        let longestWaitMs: Int?
        let queue: Int
        let status: Int?
        let error: Problem?
        let access: Access?
        let candidates: [Candidate]?
    }

    private let route: Route
    private let showsRights: Bool

    /// Returns nil if the document has another shape.
    init?(_ document: String, showsRights: Bool) {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let route = try? decoder.decode(Route.self, from: Data(document.utf8)) else { return nil }
        self.route = route
        self.showsRights = showsRights
    }

    var text: String {
        let endpoint = route.endpoint.map { $0 == "/v1/chat/completions" ? "" : " at \($0)" } ?? ""
        let subject =
            route.policy.map { "\(route.model)\(endpoint) (\(route.models.joined(separator: ", "))), \($0)" }
            ?? route.model + endpoint
        var lines = ["\(subject): \(sentence)"]
        if let alias = route.alias { lines.append(Self.sentence(alias)) }
        for entry in route.parameters ?? [] { lines.append("parameters of \(entry.pattern): \(entry.summary)") }
        if showsRights, let access = route.access { lines.append(Self.sentence(access)) }
        if let candidates = route.candidates, !candidates.isEmpty {
            lines.append("")
            lines += TextColumns.lines(
                [["RANK", "RUNNER", "STATE", "WHY", "MODEL", "LOADED", "TIER", "LOAD", "WAKES IN"]]
                    + candidates.map(Self.row))
        }
        return lines.map { TextColumns.printable($0) + "\n" }.joined()
    }

    private var sentence: String {
        let wait = route.expectedWaitMs.map { ", expected within \(Self.seconds($0))" } ?? ""
        let limit = route.longestWaitMs.map { ", at most \(Self.seconds($0))" } ?? ""
        let others =
            route.queue == 1
            ? ", 1 call is already waiting" : route.queue > 0 ? ", \(route.queue) calls are already waiting" : ""
        switch route.outcome {
        case "served":
            return route.runner.map { "\($0) would serve it now, with \(route.serves ?? "?")" }
                ?? "the call would be served now"
        case "waits_for_slot": return "the call would wait for a free slot\(limit)\(others)"
        case "waits_for_probe": return "the call would wait until a machine has been probed\(limit)\(others)"
        case "waits_for_load": return "the call would wait for its model to load\(limit)\(others)"
        case "waits_for_wake": return "the call would wait for a machine to wake up\(wait)\(limit)\(others)"
        default: return "the call would be rejected with \(route.status ?? 0): \(route.error?.message ?? route.outcome)"
        }
    }

    /// `alias: gpt-4o-mini (gpt-4o*) stands for class:fast`
    private static func sentence(_ alias: Route.Alias) -> String {
        "alias: \(alias.name)\(alias.name == alias.pattern ? "" : " (\(alias.pattern))") stands for \(alias.target)"
            + (alias.keepName ? "; responses keep the name" : "")
    }

    /// `allowed: policies[0] grants it (student); may wake machines; priority 2`
    private static func sentence(_ access: Route.Access) -> String {
        let roles = access.byRoles.isEmpty ? "" : " (\(access.byRoles.joined(separator: ", ")))"
        return "\(access.allowed ? "allowed" : "denied"): \(access.because)\(roles); "
            + "\(access.mayWake ? "may wake machines" : "may not wake machines"); priority \(access.priority)"
    }

    private static func row(_ candidate: Route.Candidate) -> [String] {
        let eta = candidate.wakeEtaMs.map(seconds) ?? ""
        return [
            candidate.rank.map(String.init) ?? "", candidate.runner, candidate.state,
            candidate.wouldBeWoken ? "\(candidate.reason), would be woken" : candidate.reason, candidate.model ?? "",
            candidate.model == nil ? "" : candidate.loaded ? "yes" : "no", "\(candidate.tier)",
            "\(candidate.active)/\(candidate.slots)", eta,
        ]
    }

    private static func seconds(_ milliseconds: Int) -> String {
        milliseconds < 1000 ? "\(milliseconds) ms" : "\((milliseconds + 500) / 1000) s"
    }
}
