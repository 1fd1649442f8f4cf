import Dialects
import SimpleAICore

/// Why an engine responded as it did, by its status, body, endpoint and model: the status code alone is ambiguous.
/// `CallState` decides what each cause means for the call, `EngineDocument.outcome` what it means for the runner.
enum ResponseCause: Hashable, Sendable {
    /// The requested result.
    case result
    /// The engine rejects the request (4xx): its response is forwarded with its status.
    case requestRejected
    /// The engine does not know the option that the gateway added. The request is repeated without it.
    case usageOptionRejected
    /// The engine failed on this request (500): its response is forwarded.
    case internalError
    /// The engine does not have this endpoint (404, 405 or 501).
    case endpointMissing
    /// The engine does not have this path of the endpoint, and may have another one.
    case pathMissing
    /// The engine lacks the endpoint, and the call can be translated to another one of its endpoints.
    case translationNeeded
    /// The engine refuses the form of the request, such as a field, or responded in the form of another API; the call can
    /// be translated to another one of its endpoints.
    case formRefused
    /// The engine does not have a model that its list contains.
    case modelMissing
    /// The engine rejects the gateway's credentials (401, 403, 407).
    case gatewayRejected
    /// The engine is overloaded (429).
    case overloaded
    /// The engine is not ready yet (503).
    case loading
    /// The engine states that it is unavailable (502, 503, 504).
    case unavailable
    /// Another server responded in the engine's place: a front end's page for 502, 503, 504 or a similar status.
    case foreignResponse
    /// The engine timed out waiting for the request (408 on a new connection).
    case timedOut
    /// Not a response of an inference engine.
    case invalid

    /// Inputs of the classification other than status and body.
    struct Context: Hashable, Sendable {
        /// The caller's.
        var endpoint: Endpoint
        /// The endpoint to which the request was sent; nil for the caller's.
        var sentTo: Endpoint?
        /// Whether the call can be translated for this engine, and has not been.
        var mayTranslate = false
        /// Whether the engine may serve the API at another path, which this call has not tried.
        var mayUseOtherPath = false
        /// Whether a result is translated to a complete stream.
        var becomesStream = false
        /// The engine's own id of the model.
        var engineModel: String
        /// Whether the gateway added `stream_options.include_usage` to the request.
        var addsUsageOption = false
        /// Whether the runner has served a call since it became ready.
        var runnerHasServed = true
        /// The agent's error code, if the agent itself responded instead of an engine.
        var agentCode: String?
    }

    /// - Parameters:
    ///   - status: of the response; if a 200 states an error, the status in its body.
    ///   - error: the error in the body; nil for a result.
    init(status: Int, isJSON: Bool, error: EngineError?, _ context: Context) {
        let cause =
            context.agentCode.flatMap(Self.cause(ofAgent:))
            ?? Self.cause(status: status, isJSON: isJSON, error ?? EngineError(), context)
        if context.mayTranslate, cause == .endpointMissing {
            self = .translationNeeded
        } else if context.mayTranslate, context.agentCode == nil, Self.refusesForm(status, error) {
            self = .formRefused
        } else if cause == .endpointMissing, context.mayUseOtherPath, status != 501 {
            // An engine that responds with 501 knows the API.
            self = .pathMissing
        } else {
            self = cause
        }
    }

    private static func cause(status: Int, isJSON: Bool, _ error: EngineError, _ context: Context) -> ResponseCause {
        if context.addsUsageOption, rejectsOptions(status, error) { return .usageOptionRejected }
        return switch status {
        case 200...299: isJSON ? .result : .invalid
        case 401, 403, 407: .gatewayRejected
        case 404: cause(ofMissing: error, context)
        case 405, 501: .endpointMissing
        case 408: .timedOut
        case 429, 529: .overloaded
        case 502...504 where error.isPage: .foreignResponse
        case 503: context.runnerHasServed && !statesLoading(error) ? .unavailable : .loading
        // 520 to 527 and 530: a front end's codes for an unreachable engine.
        case 502, 504, 520...527, 530: error.isPage ? .foreignResponse : .unavailable
        // Some engines state with 500 that a prompt is too long.
        case 500 where ContextLengthError.isStated(by: error): .requestRejected
        case 500: statesMissingEndpoint(error, context, isGeneric: false) ? .endpointMissing : .internalError
        case 400...499: .requestRejected
        default: .invalid
        }
    }

    /// The cause of an agent's own refusal; nil for one that concerns the request, which is handled like an engine's.
    private static func cause(ofAgent code: String) -> ResponseCause? {
        switch GatewayError.Code(rawValue: code) {
        case .noRunnerAvailable: .unavailable
        case .queueFull: .overloaded
        case .modelNotFound: .modelMissing
        case .invalidAPIKey: .gatewayRejected
        case .notFound, .methodNotAllowed: .endpointMissing
        default: nil
        }
    }

    private static func rejectsOptions(_ status: Int, _ error: EngineError) -> Bool {
        switch status {
        case 400, 404, 405, 409..<429, 500, 501:
            error.mentions("stream_options") || error.mentions("include_usage")
        default: false
        }
    }

    /// Words, in lower case, with which engines refuse what the translation avoids: fields that they do not know, and
    /// system messages that do not come first.
    private static let refusedFormWords = [
        "extra inputs are not permitted", "extra_forbidden", "unknown field", "unrecognized field",
        "unrecognized request argument", "unexpected field", "unknown parameter", "unsupported parameter",
        "unknown key",
        "unexpected keyword argument", "invalid field",
        "input should be 'user' or 'assistant'", "system message must be at the beginning",
        "system message must be the first", "unexpected role 'system'", "unexpected message role",
        "roles must alternate",
    ]

    private static func refusesForm(_ status: Int, _ error: EngineError?) -> Bool {
        guard status == 400 || status == 422 || status == 500, let error else { return false }
        return refusedFormWords.contains { error.mentions($0) }
    }

    // MARK: Content of a body

    private static func cause(ofMissing error: EngineError, _ context: Context) -> ResponseCause {
        if statesMissingModel(error, context.engineModel) { return .modelMissing }
        return statesMissingEndpoint(error, context, isGeneric: true) ? .endpointMissing : .requestRejected
    }

    private static func statesMissingModel(_ error: EngineError, _ model: String) -> Bool {
        if let code = error.code?.lowercased(), code == "model_not_found" || code == "model_not_available" {
            return true
        }
        guard let message = error.message?.lowercased() else { return false }
        let isNamed = !model.isEmpty && message.contains(model.lowercased())
        guard isNamed || message.contains("model") else { return false }
        return [
            "not found", "not exist", "no such", "unknown", "not available", "not loaded", "no model", "could not find",
            "not been", "isn't", "cannot find", "can't find", "not supported", "not served",
        ].contains { message.contains($0) }
    }

    /// Web frameworks' messages for unknown paths, without punctuation.
    private static let genericWords: Set<ExactString> = [
        "", "not found", "404", "404 not found", "404 page not found", "page not found", "file not found",
        "path not found", "route not found", "url not found", "endpoint not found", "resource not found", "notfound",
        "no handler found", "the requested url was not found on this server", "there is nothing at this path",
        "the requested resource was not found", "the requested resource could not be found",
        "nothing matches the given uri",
    ]

    /// - Parameter isGeneric: whether a message counts that is about no path, or only names it. An internal error may name
    ///   the path for any reason.
    private static func statesMissingEndpoint(_ error: EngineError, _ context: Context, isGeneric: Bool) -> Bool {
        guard let message = error.message?.lowercased() else { return isGeneric }
        let path = (context.sentTo ?? context.endpoint).path
        if message.hasPrefix("unexpected endpoint") || message.hasPrefix("unknown endpoint") { return true }
        guard isGeneric else { return false }
        if message.contains(path) || path.hasPrefix("/v1/") && message.contains(path.dropFirst("/v1".count)) {
            return true
        }
        let words = message.split { !$0.isLetter && !$0.isNumber }.joined(separator: " ")
        if genericWords.contains(ExactString(words))
            || genericWords.contains(ExactString(String(words.trimmingPrefix("not found "))))
        {
            return true
        }
        // nginx and similar servers append their signature.
        return words.hasPrefix("404 not found") || words.hasPrefix("not found the requested url")
            || words.contains("page not found")
    }

    private static func statesLoading(_ error: EngineError) -> Bool {
        guard let message = error.message?.lowercased() else { return false }
        return ["loading", "starting", "warming up", "warmup", "not ready", "initializing", "initialising"].contains {
            message.contains($0)
        }
    }
}
