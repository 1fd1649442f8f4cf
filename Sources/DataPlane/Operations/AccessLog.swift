import Logging
import Settings
import SimpleAICore

/// One structured log line per call. Never contains a token, a prompt or a completion.
struct AccessLine {
    var id: CallID
    var endpoint: Endpoint
    var status: Int
    var error: GatewayError?
    var caller: Caller?
    /// The client's address.
    var client: IPAddress?
    var request: ModelRequest?
    var streams = false
    var runner: RunnerID?
    var model: ModelID?
    var total: Duration
    var waited: Duration?
    var wake: String?
    var measurements = CallMeasurements()

    /// Checked before a line is built, so that calls cost nothing if they are not logged.
    static func isWanted(
        by logger: Logger, _ access: Settings.Log.Access, status: Int, _ error: GatewayError?
    ) -> Bool {
        let level = level(of: error)
        guard level >= logger.logLevel else { return false }
        return switch access {
        case .all: true
        case .errors: status >= 400
        // Internal errors are logged even if the access log is off.
        case .none: level == .error
        }
    }

    private static func level(of error: GatewayError?) -> Logger.Level {
        error?.code == .internalError ? .error : .info
    }

    func write(to logger: Logger) {
        var metadata: Logger.Metadata = [
            LogKeys.requestID: "\(id)", LogKeys.endpoint: "\(endpoint.path)", LogKeys.status: "\(status)",
            LogKeys.duration: "\(total.wholeMilliseconds)",
        ]
        if let caller { metadata[LogKeys.caller] = "\(caller.subject)" }
        if let client { metadata[LogKeys.address] = "\(client)" }
        if let request { metadata[LogKeys.requested] = "\(request)" }
        if streams { metadata[LogKeys.stream] = "true" }
        if let runner { metadata[LogKeys.runner] = "\(runner)" }
        if let model { metadata[LogKeys.model] = "\(model)" }
        if let seconds = measurements.toFirstByte { metadata[LogKeys.timeToFirstByte] = Self.milliseconds(seconds) }
        if let seconds = measurements.toFirstToken { metadata[LogKeys.timeToFirstToken] = Self.milliseconds(seconds) }
        if let speed = measurements.tokensPerSecond { metadata[LogKeys.tokensPerSecond] = Self.withOneDigit(speed) }
        if let waited, waited > .zero { metadata[LogKeys.waited] = "\(waited.wholeMilliseconds)" }
        if let wake { metadata[LogKeys.wake] = "\(wake)" }
        if let usage = measurements.usage {
            metadata[LogKeys.promptTokens] = "\(usage.prompt)"
            metadata[LogKeys.completionTokens] = "\(usage.completion)"
            if usage.cached > 0 { metadata[LogKeys.cachedTokens] = "\(usage.cached)" }
            if usage.reasoning > 0 { metadata[LogKeys.reasoningTokens] = "\(usage.reasoning)" }
        }
        if let broken = measurements.broken {
            metadata[LogKeys.generatedTokens] = "\(broken.generated)"
            metadata[LogKeys.deliveredTokens] = "\(broken.delivered)"
        }
        if let error {
            metadata[LogKeys.code] = "\(error.code.rawValue)"
            metadata[LogKeys.errorOrigin] = "\(error.side.rawValue)"
            if let cause = error.cause { metadata[LogKeys.cause] = "\(cause)" }
        }
        logger.log(level: Self.level(of: error), "Call completed", metadata: metadata)
    }

    private static func milliseconds(_ seconds: Double) -> Logger.MetadataValue { "\(Int(seconds * 1000))" }

    private static func withOneDigit(_ number: Double) -> Logger.MetadataValue {
        "\((number * 10).rounded() / 10)"
    }
}
