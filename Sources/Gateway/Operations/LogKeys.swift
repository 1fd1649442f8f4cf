import Logging

/// Every metadata key of the gateway's log lines. Messages are constant; what varies stands under one of these.
enum LogKeys {
    static let address = "address"
    static let bytes = "bytes"
    static let caller = "caller"
    static let cause = "cause"
    static let code = "code"
    static let completionTokens = "completion_tokens"
    static let endpoint = "endpoint"
    static let from = "from"
    static let issuer = "issuer"
    static let milliseconds = "ms"
    static let model = "model"
    static let number = "number"
    static let path = "path"
    static let promptTokens = "prompt_tokens"
    static let requestID = "request_id"
    static let requested = "requested"
    static let runner = "runner"
    static let side = "side"
    static let status = "status"
    static let stream = "stream"
    static let timeToFirstByte = "ttfb_ms"
    static let to = "to"
    static let waited = "waited_ms"
    static let wake = "wake"
}
