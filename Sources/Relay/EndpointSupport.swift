public import NIOCore
public import SimpleAICore
import Synchronization

/// The endpoints that the engines behind one upstream serve: as the settings list them, or otherwise as its agent reports and
/// as responses show.
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
        /// One engine may serve different endpoints for different models.
        let model: ModelID
    }

    /// A bit for each endpoint in the settings; 0 if support is learned from responses.
    private let stated: UInt32
    /// A bit for each endpoint that certainly exists: the settings name an API, but not the path where the engine serves it.
    private let confirmed: UInt32
    private let served: Atomic<UInt32>
    private let missing = Mutex<[Key: (until: NIODeadline, error: GatewayError)]>([:])
    /// Endpoints that the engine serves in a way that its callers cannot use, so that their calls are translated, each until
    /// a time.
    private let unusable = Mutex<[Endpoint: NIODeadline]>([:])
    /// A bit for each endpoint that may be unusable.
    private let suspected = Atomic<UInt32>(0)
    /// The endpoints of each model of the runner, as its agent reports them; empty without a report.
    private let reported = Mutex<[ModelID: EndpointSet]>([:])
    /// A bit for each endpoint that may be missing for some model.
    private let lacked: Atomic<UInt32>

    /// - Parameter stated: the complete list from the settings; empty: learned from responses.
    init(stated: [Endpoint] = []) {
        self.stated = stated.reduce(0) { $0 | $1.bit }
        confirmed = stated.reduce(0) { $1.hasOtherSpellings ? $0 : $0 | $1.bit }
        served = Atomic(confirmed)
        lacked = Atomic(self.stated == 0 ? 0 : ~self.stated)
    }

    /// Whether the settings list the endpoints, so that some may be known to be missing before the first request.
    public var hasStatedEndpoints: Bool { stated != 0 }

    /// A bit for each endpoint that may be missing for some model, by which most runners are passed over without a lock.
    var lackedBits: UInt32 { lacked.load(ordering: .relaxed) }

    /// Records the endpoints that the runner's agent reports, in place of its previous report. The settings take precedence.
    ///
    /// A report remains in effect while the machine sleeps, so that a call that it cannot serve does not wake it.
    /// - Parameter endpoints: of every model of the runner, by the id that callers use; `.all` for a model of which the agent
    ///   knows nothing.
    public func noteReported(_ endpoints: [ModelID: EndpointSet]) {
        guard stated == 0, !endpoints.isEmpty else { return }
        let previous = reported.withLock { reported in
            defer { reported = endpoints }
            return reported
        }
        // A report that has changed is newer than the response: the engine was updated, or another one was started.
        missing.withLock { missing in
            missing = missing.filter { key, _ in
                guard let now = endpoints[key.model], now != previous[key.model] else { return true }
                return !now.contains(key.endpoint)
            }
        }
        let lacking = endpoints.values.reduce(0) { $0 | ~$1.bits }
        // Bits that responses have set remain: they cost a search that finds nothing.
        lacked.bitwiseOr(lacking & EndpointSet.all.bits, ordering: .relaxed)
    }

    /// Records that the engine served the endpoint.
    public func noteServed(_ endpoint: Endpoint) {
        guard served.load(ordering: .relaxed) & endpoint.bit == 0 else { return }
        served.bitwiseOr(endpoint.bit, ordering: .relaxed)
        missing.withLock { missing in missing = missing.filter { $0.key.endpoint != endpoint } }
    }

    /// Records that the engine does not serve the endpoint.
    /// - Parameters:
    ///   - model: the model of the call. Another model of the same engine may be of another kind.
    ///   - error: the error for calls that no other runner can serve.
    /// - Returns: whether it was recorded.
    @discardableResult
    public func noteMissing(
        _ endpoint: Endpoint, of model: ModelID, error: GatewayError, now: NIODeadline = .now()
    ) -> Bool {
        guard stated == 0 || endpoint.hasOtherSpellings, served.load(ordering: .relaxed) & endpoint.bit == 0 else {
            return false
        }
        return missing.withLock { missing in
            missing = missing.filter { $0.value.until > now }
            guard missing.count < Self.maxEntries else { return false }
            missing[Key(endpoint: endpoint, model: model)] = (now + Self.lifetime, error)
            lacked.bitwiseOr(endpoint.bit, ordering: .relaxed)
            return true
        }
    }

    /// The error if none of these models can be served at this endpoint; nil if one can, or if that is unknown.
    public func missing(_ endpoint: Endpoint, of models: [ModelID], now: NIODeadline = .now()) -> GatewayError? {
        guard lackedBits & endpoint.bit != 0 else { return nil }
        if stated != 0, stated & endpoint.bit == 0 {
            return Self.error(endpoint, cause: "the endpoints of the runner in the settings do not list it")
        }
        // Of the models of a class, a runner may have some.
        let reported = reported.withLock { reported in
            models.compactMap { model in reported[model].map { (model, $0) } }
        }
        let relevant = reported.isEmpty ? models : reported.map(\.0)
        let lacking = Set(reported.lazy.filter { !$0.1.contains(endpoint) }.map(\.0))
        return missing.withLock { missing in
            func error(_ model: ModelID) -> GatewayError? {
                missing[Key(endpoint: endpoint, model: model)].flatMap { $0.until > now ? $0.error : nil }
            }
            guard relevant.allSatisfy({ lacking.contains($0) || error($0) != nil }) else { return nil }
            return relevant.compactMap(error).first
                ?? Self.error(endpoint, cause: "its agent reports that the engine does not serve it for this model")
        }
    }

    private static func error(_ endpoint: Endpoint, cause: String) -> GatewayError {
        GatewayError(.endpointNotSupported, "No engine with this model supports \(endpoint.path).", cause: cause)
    }

    /// Records that calls to the endpoint are translated although the engine serves it: it refused a usual field, or
    /// responded in the form of another API, and served the translated call. Remembered as long as a missing endpoint.
    public func noteUnusable(_ endpoint: Endpoint, now: NIODeadline = .now()) {
        unusable.withLock { $0[endpoint] = now + Self.lifetime }
        suspected.bitwiseOr(endpoint.bit, ordering: .relaxed)
    }

    /// Whether calls to the endpoint were found to need a translation.
    public func isUnusable(_ endpoint: Endpoint, now: NIODeadline = .now()) -> Bool {
        guard suspected.load(ordering: .relaxed) & endpoint.bit != 0 else { return false }
        return unusable.withLock { $0[endpoint].map { $0 > now } ?? false }
    }

    /// Discards what responses showed. Called when the engine was unreachable: another one may respond afterwards.
    public func forget() {
        served.store(confirmed, ordering: .relaxed)
        unusable.withLock { $0 = [:] }
        suspected.store(0, ordering: .relaxed)
        missing.withLock { $0 = [:] }
    }
}
