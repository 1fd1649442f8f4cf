/// The failure of a request, as callers and operators see it.
///
/// `code` is a closed set: one table (`GatewayError+Response` in the gateway) maps it to responses. Adapters translate
/// the errors of their libraries; an untranslated error becomes `internalError`.
public struct GatewayError: Error, Hashable, Sendable {
    public enum Code: String, CaseIterable, Sendable {
        case invalidJSON = "invalid_json"
        case invalidRequest = "invalid_request"
        case invalidAPIKey = "invalid_api_key"
        case permissionDenied = "permission_denied"
        case modelNotFound = "model_not_found"
        case notFound = "not_found"
        case methodNotAllowed = "method_not_allowed"
        case requestTimeout = "request_timeout"
        case requestTooLarge = "request_too_large"
        case unsupportedMediaType = "unsupported_media_type"
        case headersTooLarge = "headers_too_large"
        case rateLimitExceeded = "rate_limit_exceeded"
        case upstreamError = "upstream_error"
        case internalError = "internal_error"
        case noRunnerAvailable = "no_runner_available"
        case queueFull = "queue_full"
        case wakeFailed = "wake_failed"
        case keysUnavailable = "keys_unavailable"
        case shuttingDown = "shutting_down"
        case wakeTimeout = "wake_timeout"
        case upstreamTimeout = "upstream_timeout"
        case endpointNotSupported = "endpoint_not_supported"
    }

    /// The party that has to change something before a retry can succeed.
    public enum Side: String, Hashable, Sendable {
        case client, gateway, runner, upstream
    }

    public enum Retry: Hashable, Sendable {
        case never
        /// Another runner may succeed; the gateway decides whether to try one.
        case elsewhere
        /// The same request may succeed after this time.
        case after(Duration)
        /// The same request cannot succeed before this time has passed, however long it is.
        case notBefore(Duration)
    }

    public let code: Code
    /// Safe to show to the caller.
    public let message: String
    /// The request field that caused the error, as in OpenAI's errors.
    public let param: String?
    public let retry: Retry
    /// For the operator's log only.
    public let cause: String?
    /// The engine's own error, if the caller may see it.
    public let engine: EngineError?

    public init(
        _ code: Code, _ message: String, param: String? = nil, retry: Retry = .never, cause: String? = nil,
        engine: EngineError? = nil
    ) {
        self.engine = engine
        self.code = code
        self.message = message
        self.param = param
        self.retry = retry
        self.cause = cause
    }

    /// The same error with the engine's message appended.
    public func quoting(_ engine: EngineError?) -> GatewayError {
        guard let engineMessage = engine?.message else { return self }
        return GatewayError(
            code, "\(message) The engine reported: \(engineMessage)", param: param, retry: retry, cause: cause,
            engine: self.engine)
    }

    public var side: Side {
        switch code {
        case .invalidJSON, .invalidRequest, .invalidAPIKey, .permissionDenied, .modelNotFound, .notFound,
            .methodNotAllowed, .requestTimeout, .requestTooLarge, .unsupportedMediaType, .headersTooLarge,
            .rateLimitExceeded:
            .client
        case .internalError, .queueFull, .keysUnavailable, .shuttingDown: .gateway
        case .noRunnerAvailable, .wakeFailed, .wakeTimeout: .runner
        case .upstreamError, .upstreamTimeout, .endpointNotSupported: .upstream
        }
    }
}
