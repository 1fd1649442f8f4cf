import NIOCore
import Relay
import SimpleAICore

/// Asks an engine for one token, to see whether it survived its machine's sleep: a driver that lost its GPU accepts
/// connections, lists its models, and fails or hangs at the first computation.
enum EngineCheck {
    static let timeout: TimeAmount = .seconds(30)

    /// Must be called on the pool's event loop; `completion` comes there, once.
    /// - Parameter completion: nil if the engine works; otherwise how not.
    static func run(
        model: EngineModelID, on upstream: Upstream, pool: UpstreamPool, eventLoop: any EventLoop,
        completion: @escaping (String?) -> Void
    ) {
        let body =
            "{\"model\":\(JSONString.encode(model.rawValue)),\"max_tokens\":1,"
            + "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}"
        UpstreamFetch.post(
            ByteBuffer(string: body), to: Endpoint.chatCompletions.path, of: upstream, pool: pool, on: eventLoop,
            timeout: timeout
        ) { completion(failure($0)) }
    }

    static func failure(_ result: Result<UpstreamFetch.Answer, UpstreamFailure>) -> String? {
        switch result {
        case .success(let answer):
            switch answer.status {
            // A model that cannot chat is refused by an engine that lives.
            case 200...299, 400, 405, 415, 422: nil
            default: "it answered one token's request with \(answer.status)"
            }
        case .failure(let failure): "\(failure)"
        }
    }
}
