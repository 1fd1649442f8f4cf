public import NIOCore
public import SimpleAICore
import Synchronization

/// Which endpoints the engines behind one upstream serve: those that settings state, or else as far as their responses have
/// shown.
///
/// Belongs to one engine: another address is another upstream, and an engine that recovers after it was unreachable is
/// checked anew. An endpoint that it has served before does not count as missing because of one response: an engine may
/// respond with 404 to a name in the request.
public final class EndpointSupport: Sendable {
    /// How long a missing endpoint is remembered.
    public static let lifetime: TimeAmount = .minutes(5)
    private static let maxEntries = 256

    private struct Key: Hashable {
        let endpoint: Endpoint
        /// Nil for all models: one engine serves them.
        let model: ModelID?
    }

    /// As settings state them; 0 where that is learned.
    private let stated: UInt8
    private let served: Atomic<UInt8>
    private let missing = Mutex<[Key: (until: NIODeadline, error: GatewayError)]>([:])

    /// - Parameter stated: the endpoints that are served, and no others; empty: learned.
    init(stated: [Endpoint] = []) {
        self.stated = stated.reduce(0) { $0 | $1.bit }
        served = Atomic(self.stated)
    }

    /// Whether some endpoint is known to be missing before any engine was asked.
    public var statesMissing: Bool { stated != 0 }

    /// Called after every result.
    public func noteServed(_ endpoint: Endpoint) {
        guard served.load(ordering: .relaxed) & endpoint.bit == 0 else { return }
        served.bitwiseOr(endpoint.bit, ordering: .relaxed)
        missing.withLock { missing in missing = missing.filter { $0.key.endpoint != endpoint } }
    }

    /// - Parameters:
    ///   - model: nil if one engine serves all models.
    ///   - error: the error for calls that no other runner can serve.
    /// - Returns: whether it was recorded.
    @discardableResult
    public func noteMissing(
        _ endpoint: Endpoint, of model: ModelID?, error: GatewayError, now: NIODeadline = .now()
    ) -> Bool {
        guard stated == 0, served.load(ordering: .relaxed) & endpoint.bit == 0 else { return false }
        return missing.withLock { missing in
            missing = missing.filter { $0.value.until > now }
            guard missing.count < Self.maxEntries else { return false }
            missing[Key(endpoint: endpoint, model: model)] = (now + Self.lifetime, error)
            return true
        }
    }

    /// The error if none of these models can be served at this endpoint; nil if one can, as far as is known.
    public func missing(_ endpoint: Endpoint, of models: [ModelID], now: NIODeadline = .now()) -> GatewayError? {
        if stated != 0 {
            guard stated & endpoint.bit == 0 else { return nil }
            return GatewayError(
                .endpointNotSupported, "No engine with this model supports \(endpoint.path).",
                cause: "the endpoints of the runner in the settings do not list it")
        }
        return missing.withLock { missing in
            func error(_ model: ModelID?) -> GatewayError? {
                missing[Key(endpoint: endpoint, model: model)].flatMap { $0.until > now ? $0.error : nil }
            }
            guard !missing.isEmpty else { return nil }
            if let error = error(nil) { return error }
            return models.allSatisfy { error($0) != nil } ? models.first.flatMap(error) : nil
        }
    }

    /// The engine was unreachable: after that, another one may respond.
    public func forget() {
        served.store(stated, ordering: .relaxed)
        missing.withLock { $0 = [:] }
    }
}
