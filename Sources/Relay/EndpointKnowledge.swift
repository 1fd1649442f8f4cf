public import NIOCore
public import SimpleAICore
import Synchronization

/// Which endpoints the engines behind one upstream serve, as far as their responses have shown.
///
/// Belongs to one engine: another address is another upstream, and an engine that comes back after it was gone is asked
/// anew. What it has served before is never taken for missing because of one response: an engine may answer 404 to what
/// a request names.
public final class EndpointKnowledge: Sendable {
    /// How long a missing endpoint is remembered.
    public static let lifetime: TimeAmount = .minutes(5)
    private static let maxEntries = 256

    private struct Key: Hashable {
        let endpoint: Endpoint
        /// Nil for all models: there is one engine.
        let model: ModelID?
    }

    private let served = Atomic<UInt8>(0)
    private let missing = Mutex<[Key: (until: NIODeadline, error: GatewayError)]>([:])

    init() {}

    /// After every response that was one.
    public func noteServed(_ endpoint: Endpoint) {
        guard served.load(ordering: .relaxed) & endpoint.bit == 0 else { return }
        served.bitwiseOr(endpoint.bit, ordering: .relaxed)
        missing.withLock { missing in missing = missing.filter { $0.key.endpoint != endpoint } }
    }

    /// - Parameters:
    ///   - model: nil where one engine serves all models.
    ///   - error: what calls are told that nobody else can serve.
    /// - Returns: whether it is remembered.
    @discardableResult
    public func noteMissing(
        _ endpoint: Endpoint, of model: ModelID?, error: GatewayError, now: NIODeadline = .now()
    ) -> Bool {
        guard served.load(ordering: .relaxed) & endpoint.bit == 0 else { return false }
        return missing.withLock { missing in
            missing = missing.filter { $0.value.until > now }
            guard missing.count < Self.maxEntries else { return false }
            missing[Key(endpoint: endpoint, model: model)] = (now + Self.lifetime, error)
            return true
        }
    }

    /// Why none of these models can be served at this endpoint; nil if one can, as far as is known.
    public func missing(_ endpoint: Endpoint, of models: [ModelID], now: NIODeadline = .now()) -> GatewayError? {
        missing.withLock { missing in
            func error(_ model: ModelID?) -> GatewayError? {
                missing[Key(endpoint: endpoint, model: model)].flatMap { $0.until > now ? $0.error : nil }
            }
            guard !missing.isEmpty else { return nil }
            if let error = error(nil) { return error }
            return models.allSatisfy { error($0) != nil } ? models.first.flatMap(error) : nil
        }
    }

    /// The engine was gone: what comes back may be another one.
    public func forget() {
        served.store(0, ordering: .relaxed)
        missing.withLock { $0 = [:] }
    }
}
