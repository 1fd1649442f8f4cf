import SimpleAICore

/// Why an engine responded as it did. A status alone decides nothing: the same number means different things by body,
/// endpoint, model and moment. This is the one table; what each cause means for the call is in `CallState`, what it means
/// for the runner in `EngineDocument.outcome`.
enum ResponseCause: Hashable, Sendable {
    /// What was asked for.
    case result
    /// The request's fault, as the engine sees it (4xx): its response passes with its status.
    case requestRejected
    /// The engine does not know the option that we added. It is asked again without.
    case usageOptionRejected
    /// The engine failed on this request (500): its response passes.
    case internalError
    /// The engine does not have this endpoint, by 404, 405 or 501.
    case endpointMissing
    /// The engine does not have the model that its list promised.
    case modelMissing
    /// The engine refuses the gateway's own credentials (401, 403, 407).
    case gatewayRejected
    /// Too much to do there (429).
    case overloaded
    /// The engine does not serve yet (503).
    case loading
    /// The engine states that it does not serve (502, 503, 504).
    case unavailable
    /// Something else responded in the engine's place: a front end's page of 502, 503, 504 and the like.
    case replaced
    /// The engine gave up waiting for the request (408 on a new connection).
    case timedOut
    /// No response that an inference engine gives.
    case invalid

    /// What else decides, beside status and body.
    struct Context: Hashable, Sendable {
        var endpoint: Endpoint
        /// What the engine calls the model.
        var engineModel: String
        /// Whether `stream_options.include_usage` was added to the request.
        var addsUsageOption = false
        /// Whether the runner has served a call since it became ready.
        var runnerHasServed = true
        /// The agent's own code, where the response is the agent's and not an engine's.
        var agentCode: String?
    }

    /// - Parameters:
    ///   - status: the response's; of a 200 that states an error, the one that its body states.
    ///   - error: what the body says; nil for a result.
    init(status: Int, isJSON: Bool, error: EngineError?, _ context: Context) {
        if let code = context.agentCode, let cause = Self.cause(ofAgent: code) {
            self = cause
            return
        }
        let error = error ?? EngineError()
        if context.addsUsageOption, Self.rejectsOptions(status, error) {
            self = .usageOptionRejected
            return
        }
        switch status {
        case 200...299: self = isJSON ? .result : .invalid
        case 401, 403, 407: self = .gatewayRejected
        case 404: self = Self.cause(ofMissing: error, context)
        case 405, 501: self = .endpointMissing
        case 408: self = .timedOut
        case 429, 529: self = .overloaded
        case 502...504 where error.isPage: self = .replaced
        case 503: self = context.runnerHasServed && !Self.statesLoading(error) ? .unavailable : .loading
        // 520 to 527 and 530: a front end's for an engine that is gone.
        case 502, 504, 520...527, 530: self = error.isPage ? .replaced : .unavailable
        case 500:
            self = Self.statesMissingEndpoint(error, context, isGeneric: false) ? .endpointMissing : .internalError
        case 400...499: self = .requestRejected
        default: self = .invalid
        }
    }

    /// The agent's own refusals; those of the request are like an engine's.
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

    // MARK: What a body says

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

    /// The words of web frameworks for a path that they do not route, without punctuation.
    private static let genericWords: Set<ExactString> = [
        "", "not found", "404", "404 not found", "404 page not found", "page not found", "file not found",
        "path not found", "route not found", "url not found", "endpoint not found", "resource not found", "notfound",
        "no handler found", "the requested url was not found on this server", "there is nothing at this path",
        "the requested resource was not found", "the requested resource could not be found",
        "nothing matches the given uri",
    ]

    /// - Parameter isGeneric: whether words that name no path mean one.
    private static func statesMissingEndpoint(_ error: EngineError, _ context: Context, isGeneric: Bool) -> Bool {
        guard let message = error.message?.lowercased() else { return isGeneric }
        let path = context.endpoint.path
        if message.contains(path) || message.contains(path.dropFirst("/v1".count)) { return true }
        if message.hasPrefix("unexpected endpoint") || message.hasPrefix("unknown endpoint") { return true }
        guard isGeneric else { return false }
        let words = message.split { !$0.isLetter && !$0.isNumber }.joined(separator: " ")
        if genericWords.contains(ExactString(words))
            || genericWords.contains(ExactString(String(words.trimmingPrefix("not found "))))
        {
            return true
        }
        // nginx and its like sign their pages.
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
