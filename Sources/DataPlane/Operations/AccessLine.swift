import Logging
import Settings
import SimpleAICore

/// One structured log line per call. Never contains a token, a prompt or a completion.
struct AccessLine {
    static let message = "Call completed"
    /// The source of the line in the text format.
    static let source = "Gateway"

    /// Where the call was served, and what it waited for.
    struct Placement {
        var runner: RunnerID?
        var model: ModelID?
        var waited: Duration?
        var wake: String?
    }

    var id: CallID
    var endpoint: Endpoint
    var status: Int
    var error: GatewayError?
    var caller: Caller?
    /// The client's address.
    var client: IPAddress?
    var request: ModelRequest?
    var streams = false
    var placement = Placement()
    var total: Duration
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

    var level: Logger.Level { Self.level(of: error) }

    /// Writes the line as an event with metadata, for handlers of other programs.
    func write(to logger: Logger) {
        var metadata = AccessMetadata()
        addFields(to: &metadata)
        logger.log(level: level, "\(Self.message)", metadata: metadata.metadata, source: Self.source)
    }

    /// Adds all keys that the line has, in their alphabetical order.
    func addFields(to fields: inout some AccessLineFields) {
        if let client { fields.add(LogKeys.address, client) }
        if let seconds = measurements.audioSeconds { fields.add(LogKeys.audioSeconds, toOneDigit: seconds) }
        if let cached = measurements.usage?.cached, cached > 0 { fields.add(LogKeys.cachedTokens, cached) }
        if let caller { fields.add(LogKeys.caller, caller.subject.rawValue) }
        if let cause = error?.cause { fields.add(LogKeys.cause, cause) }
        if let error { fields.add(LogKeys.code, error.code.rawValue) }
        if let usage = measurements.usage { fields.add(LogKeys.completionTokens, usage.completion) }
        if let broken = measurements.broken { fields.add(LogKeys.deliveredTokens, broken.delivered) }
        fields.add(LogKeys.duration, Int(total.wholeMilliseconds))
        fields.add(LogKeys.endpoint, endpoint.path)
        if let error { fields.add(LogKeys.errorOrigin, error.side.rawValue) }
        if let broken = measurements.broken { fields.add(LogKeys.generatedTokens, broken.generated) }
        if let bytes = measurements.mediaBytes { fields.add(LogKeys.mediaBytes, bytes) }
        if let model = placement.model { fields.add(LogKeys.model, model.rawValue) }
        if let usage = measurements.usage { fields.add(LogKeys.promptTokens, usage.prompt) }
        if let reasoning = measurements.usage?.reasoning, reasoning > 0 {
            fields.add(LogKeys.reasoningTokens, reasoning)
        }
        fields.add(LogKeys.requestID, id.rawValue)
        if let request { fields.add(LogKeys.requested, request) }
        if let runner = placement.runner { fields.add(LogKeys.runner, runner.rawValue) }
        fields.add(LogKeys.status, status)
        if streams { fields.add(LogKeys.stream, "true") }
        if let speed = measurements.tokensPerSecond { fields.add(LogKeys.tokensPerSecond, toOneDigit: speed) }
        if let seconds = measurements.toFirstByte { fields.add(LogKeys.timeToFirstByte, Int(seconds * 1000)) }
        if let seconds = measurements.toFirstToken { fields.add(LogKeys.timeToFirstToken, Int(seconds * 1000)) }
        if let waited = placement.waited, waited > .zero { fields.add(LogKeys.waited, Int(waited.wholeMilliseconds)) }
        if let wake = placement.wake { fields.add(LogKeys.wake, wake) }
    }
}

/// Receives the keys and values of an access line.
protocol AccessLineFields {
    mutating func add(_ key: String, _ text: String)
    mutating func add(_ key: String, _ number: Int)
    mutating func add(_ key: String, toOneDigit number: Double)
    mutating func add(_ key: String, _ address: IPAddress)
    mutating func add(_ key: String, _ request: ModelRequest)
}

private struct AccessMetadata: AccessLineFields {
    private(set) var metadata: Logger.Metadata = [:]

    mutating func add(_ key: String, _ text: String) { metadata[key] = "\(text)" }
    mutating func add(_ key: String, _ number: Int) { metadata[key] = "\(number)" }
    mutating func add(_ key: String, toOneDigit number: Double) { metadata[key] = "\((number * 10).rounded() / 10)" }
    mutating func add(_ key: String, _ address: IPAddress) { metadata[key] = "\(address)" }
    mutating func add(_ key: String, _ request: ModelRequest) { metadata[key] = "\(request)" }
}
