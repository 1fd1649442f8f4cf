import RunnerProtocol

/// Derives an engine's status from consecutive inspections: an engine that does not respond in time may be busy, one that is
/// loading will recover, and one that is working on calls may answer a single inspection with an error, for example when it
/// limits its requests. An engine that refuses connections has ended: that is reported immediately.
struct EngineWatch: Sendable {
    /// Consecutive inspections without a response after which an idle engine is unhealthy.
    static let maxTimeouts = 3

    /// Consecutive inspections with another failure after which an engine with calls in progress is unhealthy.
    static let maxFailuresDuringCalls = 2

    private(set) var status: EngineStatus?
    /// Whether the engine reports that it is not ready yet (a 503 from `/health` of llama-server, vLLM or TGI).
    private(set) var isLoading = false
    private var timeouts = 0
    private var failures = 0

    /// - Parameter callCount: number of its calls in progress, during which a single-threaded engine responds to
    ///   nothing else.
    mutating func inspected(_ result: Result<EngineStatus, EngineFault>, type: String, callCount: Int) {
        isLoading = false
        switch result {
        case .success: failures = 0
        // An engine that is computing may not respond: no evidence for or against it.
        case .failure(.timeout): break
        case .failure: failures += 1
        }
        switch result {
        case .success(let status):
            timeouts = 0
            self.status = status
        case .failure(.timeout) where status?.isHealthy ?? false:
            if callCount > 0 { return timeouts = 0 }
            timeouts += 1
            if timeouts >= Self.maxTimeouts { status = Self.unhealthy(.timeout, type) }
        case .failure(let fault) where status?.isHealthy ?? false && callCount > 0 && !fault.isUnreachable:
            timeouts = 0
            if failures >= Self.maxFailuresDuringCalls { fail(fault, type) }
        case .failure(let fault):
            timeouts = 0
            fail(fault, type)
        }
    }

    private mutating func fail(_ fault: EngineFault, _ type: String) {
        if case .errorStatus(503, _) = fault { isLoading = true }
        status = Self.unhealthy(fault, type)
    }

    private static func unhealthy(_ fault: EngineFault, _ type: String) -> EngineStatus {
        EngineStatus(engineType: type, isHealthy: false, error: fault.description)
    }
}
