import Foundation
import Installation
import Settings

/// Requests the list of models of an engine.
struct EngineProbe: Sendable {
    /// Engines that are asked at the same time.
    private static let maxConcurrent = 64

    var id: String
    var url: String
    /// The key of the settings that names it.
    var key: String
    var apiKey = ""
    var tls: Settings.TLS
    /// Nil: any engine with OpenAI's API.
    var kind: RunnerSettings.Engine.Kind?
    var canBeWoken = false

    /// The engines in the order of the probes.
    static func run(_ probes: [EngineProbe]) async -> [SystemDescription.EngineState] {
        await withTaskGroup(of: (Int, SystemDescription.EngineState).self) { group in
            var states: [(Int, SystemDescription.EngineState)] = []
            for (index, probe) in probes.enumerated() {
                if index >= maxConcurrent, let state = await group.next() { states.append(state) }
                group.addTask { (index, await probe.run()) }
            }
            for await state in group { states.append(state) }
            return states.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    func run() async -> SystemDescription.EngineState {
        let probe = DoctorProbe(
            token: apiKey.isEmpty ? nil : apiKey, verifiesCertificates: tls.verify, authorities: tls.caFile)
        let reply = await probe.get("/v1/models", of: url)
        var state = SystemDescription.EngineState(id: id, url: url, outcome: .failed(reply.outcome), key: key)
        state.canBeWoken = canBeWoken
        guard reply.outcome == .status(200) else { return state }
        let entries = reply.json.flatMap { $0["data"] ?? $0["models"] } as? [[String: Any]]
        guard let entries else {
            state.outcome = .noList
            return state
        }
        state.outcome = .models(entries.compactMap { ($0["id"] ?? $0["name"]) as? String })
        state.acceptsAnyModel = !entries.isEmpty && entries.allSatisfy { $0["owned_by"] as? String == "llamacpp" }
        if let missing = await missingPath(probe) {
            state.outcome = .otherKind(kind == .ollama ? "Ollama" : "llama-server", missing: missing)
        }
        return state
    }

    /// What an engine of this kind has, and this one has not.
    private func missingPath(_ probe: DoctorProbe) async -> String? {
        switch kind {
        case .ollama: await probe.get("/api/tags", of: url).json?["models"] is [Any] ? nil : "/api/tags"
        case .llamaServer: await probe.get("/health", of: url).json?["status"] is String ? nil : "/health with a status"
        case .openAI, nil: nil
        }
    }
}
