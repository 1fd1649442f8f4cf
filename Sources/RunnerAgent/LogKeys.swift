/// The metadata keys of the agent's log. Messages are constant; all variables are metadata.
enum LogKeys {
    static let active = "active"
    static let address = "address"
    static let cause = "cause"
    static let code = "code"
    static let command = "command"
    static let count = "count"
    static let engine = "engine"
    static let extensions = "extensions"
    static let gateway = "gateway"
    static let model = "model"
    static let output = "output"
    static let pid = "pid"
    static let requestID = "request_id"
    /// The time until the next attempt.
    static let retryDelay = "retry_in_ms"
    static let runner = "runner"
    static let status = "status"
}
