import NIOCore
import Relay
import SimpleAICore

/// Checks whether an engine still works after its machine has slept, by requesting a minimal completion: an engine whose
/// driver has lost the GPU accepts connections and lists its models, but fails or hangs at the first computation.
///
/// Engines serve different endpoints, so one that refuses a chat completion gets an embedding request. An engine that
/// refuses both is considered working, because it may serve other endpoints.
enum EngineCheck {
    static let timeout: TimeAmount = .seconds(30)

    enum Work: CaseIterable {
        case chat, embedding

        var path: String {
            switch self {
            case .chat: Endpoint.chatCompletions.path
            case .embedding: Endpoint.embeddings.path
            }
        }

        func document(model: EngineModelID) -> String {
            let model = JSONString.encode(model.rawValue)
            return switch self {
            case .chat: "{\"model\":\(model),\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}"
            case .embedding: "{\"model\":\(model),\"input\":\"Hi\"}"
            }
        }
    }

    enum Outcome: Hashable {
        case works
        /// The engine does not serve this kind of work.
        case refuses
        /// The reason, for the operator.
        case fails(String)
    }

    /// Must be called on the pool's event loop; `completion` is called there, once.
    /// - Parameter completion: called with nil if the engine works; otherwise with the reason.
    static func run(
        model: EngineModelID, on upstream: Upstream, pool: UpstreamPool, eventLoop: any EventLoop,
        completion: @escaping (String?) -> Void
    ) {
        attempt(Work.allCases[...], model, upstream, pool, eventLoop, completion)
    }

    private static func attempt(
        _ kinds: ArraySlice<Work>, _ model: EngineModelID, _ upstream: Upstream, _ pool: UpstreamPool,
        _ eventLoop: any EventLoop, _ completion: @escaping (String?) -> Void
    ) {
        guard let work = kinds.first else { return completion(nil) }
        UpstreamFetch.post(
            ByteBuffer(string: work.document(model: model)), to: work.path, of: upstream, pool: pool, on: eventLoop,
            timeout: timeout
        ) { result in
            switch outcome(on: result) {
            case .works: completion(nil)
            case .refuses: attempt(kinds.dropFirst(), model, upstream, pool, eventLoop, completion)
            case .fails(let reason): completion(reason)
            }
        }
    }

    static func outcome(on result: Result<UpstreamFetch.Response, UpstreamFailure>) -> Outcome {
        switch result {
        case .success(let response):
            switch response.status {
            // An overloaded engine works.
            case 200...299, 429: .works
            // A wrong key is not a failure of the machine; calls will report it.
            case 400...499, 501: .refuses
            default: .fails("the check returned status \(response.status)")
            }
        case .failure(let failure): .fails(failure.reason)
        }
    }
}
