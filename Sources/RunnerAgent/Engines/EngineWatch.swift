import RunnerProtocol

/// Derives an engine's status from consecutive inspections: an engine that does not respond in time may be busy, and
/// one that is loading will recover.
struct EngineWatch: Sendable {
    /// Consecutive inspections without a response after which an idle engine is unhealthy.
    static let maxTimeouts = 3

    private(set) var status: EngineStatus?
    /// Whether the engine reports that it is not ready yet (a 503 from `/health` of llama-server, vLLM or TGI).
    private(set) var isLoading = false
    private var timeouts = 0

    /// - Parameter callCount: number of its calls in progress, during which a single-threaded engine responds to
    ///   nothing else.
    mutating func inspected(_ result: Result<EngineStatus, EngineFault>, type: String, callCount: Int) {
        isLoading = false
        switch result {
        case .success(let status):
            timeouts = 0
            self.status = status
        case .failure(.timeout) where status?.isHealthy ?? false:
            if callCount > 0 { return timeouts = 0 }
            timeouts += 1
            if timeouts >= Self.maxTimeouts { status = Self.unhealthy(.timeout, type) }
        case .failure(let fault):
            timeouts = 0
            if case .errorStatus(503, _) = fault { isLoading = true }
            status = Self.unhealthy(fault, type)
        }
    }

    private static func unhealthy(_ fault: EngineFault, _ type: String) -> EngineStatus {
        EngineStatus(engineType: type, isHealthy: false, error: fault.description)
    }
}
