import Foundation
import NIOHTTP1
import SimpleAICore

/// The fleet as the gateway's model list shows it to any client.
struct FleetView {
    let url: String
    let token: String

    private struct List: Decodable {
        let data: [Entry]
    }

    private struct Entry: Decodable {
        let id: String
        let state: String?
        let runnersReady: Int?

        enum CodingKeys: String, CodingKey {
            case id, state
            case runnersReady = "runners_ready"
        }
    }

    /// Returns when the model list shows the actual state of every model: ready on all its awake machines, or asleep if
    /// all its machines are asleep.
    func waitUntilListed(_ machines: [LocalFleet.Machine], asleep: Set<RunnerID>) async throws {
        let expected = Self.expectations(machines, asleep)
        while !(try await matches(expected)) {
            // The gateway sends no notification of changes; it serves the list from memory, so polling is cheap.
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Number of awake machines per model.
    private static func expectations(
        _ machines: [LocalFleet.Machine], _ asleep: Set<RunnerID>
    ) -> [String: Int] {
        var awake: [String: Int] = [:]
        for machine in machines {
            for model in machine.engine.models {
                awake[model.rawValue, default: 0] += asleep.contains(machine.id) ? 0 : 1
            }
        }
        return awake
    }

    private func matches(_ expected: [String: Int]) async throws -> Bool {
        guard try await LoopbackClient.send(.GET, "\(url)/ready").status == 200 else { return false }
        let response = try await LoopbackClient.send(
            .GET, "\(url)/v1/models", [("authorization", "Bearer \(token)")])
        // Right after the start, the gateway may not have the issuer's keys yet.
        guard response.status == 200 else { return false }
        let entries = try JSONDecoder().decode(List.self, from: Data(response.body)).data
        return expected.allSatisfy { model, awake in
            guard let entry = entries.first(where: { $0.id == model }) else { return false }
            return awake > 0 ? entry.state == "ready" && entry.runnersReady == awake : entry.state == "asleep"
        }
    }
}
