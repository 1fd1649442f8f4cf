import NIOCore
import Relay
import SimpleAICore

/// Asks an engine for the smallest piece of work, to see whether it survived its machine's sleep: a driver that lost its
/// GPU accepts connections, lists its models, and fails or hangs at the first computation.
///
/// Engines serve different things: one that refuses to chat is asked for an embedding. An engine that refuses every kind
/// of work lives; which calls it takes is between it and its callers.
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

    enum Verdict: Hashable {
        case works
        /// This kind of work is not for it.
        case refuses
        /// For the operator: how not.
        case fails(String)
    }

    /// Must be called on the pool's event loop; `completion` comes there, once.
    /// - Parameter completion: nil if the engine works; otherwise how not.
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
            switch verdict(on: result) {
            case .works: completion(nil)
            case .refuses: attempt(kinds.dropFirst(), model, upstream, pool, eventLoop, completion)
            case .fails(let reason): completion(reason)
            }
        }
    }

    static func verdict(on result: Result<UpstreamFetch.Answer, UpstreamFailure>) -> Verdict {
        switch result {
        case .success(let answer):
            switch answer.status {
            // Too much to do is work, too.
            case 200...299, 429: .works
            // A key that is wrong is no fault of the machine's; calls say so.
            case 400...499, 501: .refuses
            default: .fails("it answered the check with status \(answer.status)")
            }
        case .failure(let failure): .fails("\(failure)")
        }
    }
}
