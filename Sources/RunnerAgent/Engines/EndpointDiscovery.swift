import NIOHTTP1
import SimpleAICore
import Synchronization

/// The endpoints of one engine, learned by requests that make it compute nothing, and remembered: they depend on the
/// engine's version and on its arguments, so they are learned again after it was unhealthy, and from time to time.
final class EndpointDiscovery: Sendable {
    /// How long the result is used, in case the engine was restarted between two inspections.
    static let lifetime: Duration = .seconds(600)
    /// How long it is remembered that the engine's responses did not show its endpoints: it may have been busy.
    static let retryInterval: Duration = .seconds(60)

    private struct Known {
        /// The version and models for which the result applies.
        let key: [ExactString]
        let learnedAt: ContinuousClock.Instant
        let endpoints: EndpointSet?
    }

    private let known = Mutex<Known?>(nil)
    private let now: @Sendable () -> ContinuousClock.Instant

    init(now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) { self.now = now }

    /// - Parameter learn: queries the engine; nil if its responses do not show its endpoints.
    func endpoints(
        for key: [String], _ learn: () async -> EndpointSet?
    ) async -> EndpointSet? {
        let key = key.map { ExactString($0) }
        let now = now()
        if let known = known.withLock({ $0 }), known.key == key,
            now - known.learnedAt < (known.endpoints == nil ? Self.retryInterval : Self.lifetime)
        {
            return known.endpoints
        }
        let endpoints = await learn()
        known.withLock { $0 = Known(key: key, learnedAt: now, endpoints: endpoints) }
        return endpoints
    }

    /// The engine was unhealthy: another one may respond afterwards.
    func forget() { known.withLock { $0 = nil } }

    // MARK: Ways of asking

    /// Asks with an empty object, which an engine that serves the path refuses because it lacks the input. An engine without
    /// the path responds with 404 or 405; llama.cpp's server with 501 if its arguments disable it (`--rerank`,
    /// `--embeddings`). Nil if a response is missing or about something else.
    static func byEmptyRequests(
        of endpoints: [Endpoint], to control: EngineControl
    ) async -> EndpointSet? {
        var served: [Endpoint] = []
        for endpoint in endpoints {
            switch await control.status(.POST, endpoint.path, "{}") {
            case 404, 405, 501: continue
            // The key is wrong, or the engine is busy or loading.
            case nil, 401, 403, 407, 429, 503: return nil
            default: served.append(endpoint)
            }
        }
        return served.isEmpty ? nil : EndpointSet(served)
    }

    /// Asks with GET, which is refused with 405 for a path that takes only POST, and with 404 for others. Nil if the engine
    /// does not distinguish them, as older versions of Ollama do not: `surely` is an endpoint that it certainly serves.
    static func byOtherMethod(
        of endpoints: [Endpoint], surely: Endpoint, at control: EngineControl
    ) async -> EndpointSet? {
        guard await control.status(.GET, surely.path) == 405 else { return nil }
        var served: [Endpoint] = []
        for endpoint in endpoints {
            switch await control.status(.GET, endpoint.path) {
            case 405: served.append(endpoint)
            case 404: continue
            default: return nil
            }
        }
        return EndpointSet(served)
    }

    /// Reads the description of servers that are built on FastAPI, such as vLLM, SGLang, Speaches, Infinity and Xinference.
    /// Nil if there is none, or if it contains no endpoint: a proxy describes itself, not its engine.
    static func byDescription(from control: EngineControl) async -> EndpointSet? {
        guard let description = try? await control.get("/openapi.json", as: APIDescription.self) else { return nil }
        let paths = description.paths.object ?? [:]
        let served = Endpoint.allCases.filter { paths[ExactString($0.path)] != nil }
        return served.isEmpty ? nil : EndpointSet(served)
    }

    private struct APIDescription: Decodable {
        let paths: JSONValue
    }
}
