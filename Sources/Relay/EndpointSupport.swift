public import NIOCore
public import SimpleAICore
import Synchronization

/// The endpoints that the engines behind one upstream serve: as the settings list them, or otherwise as responses show.
///
/// What responses showed is discarded when the engine becomes unreachable, because another program may respond afterwards. An
/// endpoint that was served before does not count as missing because of one response: an engine may respond with 404 to a
/// name in the request.
public final class EndpointSupport: Sendable {
    /// How long a missing endpoint is remembered.
    public static let lifetime: TimeAmount = .minutes(5)
    private static let maxEntries = 256

    private struct Key: Hashable {
        let endpoint: Endpoint
        /// Nil if one engine serves all models.
        let model: ModelID?
    }

    /// A bit for each endpoint in the settings; 0 if support is learned from responses.
    private let stated: UInt32
    private let served: Atomic<UInt32>
    private let missing = Mutex<[Key: (until: NIODeadline, error: GatewayError)]>([:])
    /// Endpoints that the engine serves in a way that its callers cannot use, so that their calls are translated.
    private let unusable = Atomic<UInt32>(0)

    /// - Parameter stated: the complete list from the settings; empty: learned from responses.
    init(stated: [Endpoint] = []) {
        self.stated = stated.reduce(0) { $0 | $1.bit }
        served = Atomic(self.stated)
    }

    /// Whether the settings list the endpoints, so that some may be known to be missing before the first request.
    public var hasStatedEndpoints: Bool { stated != 0 }

    /// Records that the engine served the endpoint.
    public func noteServed(_ endpoint: Endpoint) {
        guard served.load(ordering: .relaxed) & endpoint.bit == 0 else { return }
        served.bitwiseOr(endpoint.bit, ordering: .relaxed)
        missing.withLock { missing in missing = missing.filter { $0.key.endpoint != endpoint } }
    }

    /// Records that the engine does not serve the endpoint.
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

    /// The error if none of these models can be served at this endpoint; nil if one can, or if that is unknown.
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

    /// Records that calls to the endpoint are translated although the engine serves it: it refused a usual field, or
    /// responded in the form of another API.
    public func noteUnusable(_ endpoint: Endpoint) {
        unusable.bitwiseOr(endpoint.bit, ordering: .relaxed)
    }

    /// Whether calls to the endpoint were found to need a translation.
    public func isUnusable(_ endpoint: Endpoint) -> Bool { unusable.load(ordering: .relaxed) & endpoint.bit != 0 }

    /// Discards what responses showed. Called when the engine was unreachable: another one may respond afterwards.
    public func forget() {
        served.store(stated, ordering: .relaxed)
        unusable.store(0, ordering: .relaxed)
        missing.withLock { $0 = [:] }
    }
}
