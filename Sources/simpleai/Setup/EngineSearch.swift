import Foundation
import Installation

/// Finds engines by their usual ports.
struct EngineSearch: Sendable {
    /// Ports that belong to no engine: the gateway's own.
    var excluded: Set<Int> = []
    /// Concurrent requests of a search in a network.
    private static let maxConcurrent = 64

    /// The engines of this machine, in the order of their ports.
    func onThisMachine() async -> [FoundEngine] {
        let urls = FoundEngine.ports.map(\.port).filter { !excluded.contains($0) }.map { "http://127.0.0.1:\($0)" }
        return await engines(at: urls, timeout: .seconds(2))
    }

    /// The engines of these hosts.
    func onNetwork(_ hosts: [String]) async -> [FoundEngine] {
        let ports = FoundEngine.ports.prefix(4).map(\.port)
        return await engines(
            at: hosts.flatMap { host in ports.map { "http://\(host):\($0)" } }, timeout: .milliseconds(700))
    }

    private func engines(at urls: [String], timeout: Duration) async -> [FoundEngine] {
        await withTaskGroup(of: (Int, FoundEngine?).self) { group in
            var found: [Int: FoundEngine] = [:]
            var waiting = urls.enumerated().makeIterator()
            for _ in 0..<Self.maxConcurrent {
                guard let (index, url) = waiting.next() else { break }
                group.addTask { (index, await Self.engine(at: url, timeout: timeout)) }
            }
            while let (index, engine) = await group.next() {
                found[index] = engine
                if let (next, url) = waiting.next() {
                    group.addTask { (next, await Self.engine(at: url, timeout: timeout)) }
                }
            }
            return found.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    /// Whether an engine has refused the request for want of a key: with the error object of the API. A gateway refuses
    /// it, too, and states its version in /health, which engines do not.
    private static func requiresKey(_ reply: HTTPProbe.Reply, _ probe: HTTPProbe, _ url: String) async -> Bool {
        guard [.status(401), .status(403)].contains(reply.outcome),
            let object = (try? JSONSerialization.jsonObject(with: reply.body)) as? [String: Any],
            object["error"] != nil
        else { return false }
        return await probe.get("/health", of: url).json?["version"] == nil
    }

    /// The engine at a URL; nil if it is none.
    static func engine(at url: String, timeout: Duration = .seconds(5)) async -> FoundEngine? {
        let probe = HTTPProbe(timeout: timeout)
        let reply = await probe.get("/v1/models", of: url)
        if await requiresKey(reply, probe, url) {
            return FoundEngine(url: url, kind: .openAI, models: [], requiresKey: true)
        }
        guard let list = reply.json, let data = list["data"] as? [[String: Any]] else { return nil }
        // A gateway lists classes; its engines are found by themselves.
        let ids = data.compactMap { $0["id"] as? String }
        guard !ids.contains(where: { $0.hasPrefix("class:") }) else { return nil }
        var sizes: [String: Int] = [:]
        for entry in data {
            if let id = entry["id"] as? String, let size = (entry["meta"] as? [String: Any])?["size"] as? Int {
                sizes[id] = size
            }
        }
        var kind = FoundEngine.Kind.openAI
        var slots: Int?
        if let tags = await probe.get("/api/tags", of: url).json?["models"] as? [[String: Any]],
            await probe.get("/api/version", of: url).json?["version"] is String
        {
            kind = .ollama
            for tag in tags {
                if let name = tag["name"] as? String, let size = tag["size"] as? Int { sizes[name] = size }
            }
        } else if let properties = await probe.get("/props", of: url).json {
            kind = .llamaServer
            slots = (properties["total_slots"] as? Int).flatMap { (1...10_000).contains($0) ? $0 : nil }
        }
        return FoundEngine(url: url, kind: kind, models: ids.map { .init(id: $0, size: sizes[$0]) }, slots: slots)
    }
}
