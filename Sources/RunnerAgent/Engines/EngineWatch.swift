import RunnerProtocol

/// What an engine's looks say together: one that did not answer in time may be busy, one that states that it loads will
/// be back. Pure.
struct EngineWatch: Sendable {
    /// Looks in a row without an answer after which an idle engine is unhealthy.
    static let maxTimeouts = 3

    private(set) var status: EngineStatus?
    /// It states that it is not ready yet (llama-server's 503 of `/health`, vLLM's and TGI's, too).
    private(set) var isLoading = false
    private var timeouts = 0

    /// - Parameter callCount: calls in progress on it: a single-threaded engine answers nothing else meanwhile.
    mutating func looked(_ result: Result<EngineStatus, EngineFault>, type: String, callCount: Int) {
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
            if case .answered(503, _) = fault { isLoading = true }
            status = Self.unhealthy(fault, type)
        }
    }

    private static func unhealthy(_ fault: EngineFault, _ type: String) -> EngineStatus {
        EngineStatus(engineType: type, isHealthy: false, error: fault.description)
    }
}
