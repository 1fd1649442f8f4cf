/// Which runner served a response and whether the call waited for a machine, as the deployment reports it.
struct ServingRunner: Sendable, Equatable {
    var runner: String?
    var model: String?
    /// Id of the wake that the call waited for; all calls of one wake report the same id.
    var wakeID: String?
    /// Whether the deployment reported anything about waking, including `none`.
    var mentionsWake = false

    /// Header fields in which gateways name the serving upstream, in order of preference.
    static let runnerHeaders = [
        "x-simpleai-runner", "x-served-by", "x-runner-id", "x-litellm-model-api-base", "x-litellm-model-id",
        "x-envoy-upstream-host", "x-upstream", "x-backend-server", "x-backend", "x-worker-id",
    ]

    /// - Parameter runnerHeader: the only header field to read, if the operator named one.
    init(_ exchange: Exchange, runnerHeader: String? = nil) {
        let names = runnerHeader.map { [$0] } ?? Self.runnerHeaders
        runner = names.lazy.compactMap { exchange.header($0) }.first { !$0.isEmpty }
        model = exchange.header("x-simpleai-model")
        if let wake = exchange.header("x-simpleai-wake") {
            mentionsWake = true
            wakeID = Self.wakeID(in: wake.split(separator: ";"))
        }
        guard exchange.isEventStream else { return }
        for comment in EventStream(exchange).comments where comment.data.hasPrefix("served ") {
            readComment(comment.data.split(separator: " "), mayNameRunner: runnerHeader == nil)
        }
    }

    /// Reads `served by RUNNER MODEL waited MS wake=ID`, for streams whose head was sent before placement. The part `by
    /// RUNNER MODEL` is absent where callers may not see the runner.
    private mutating func readComment(_ words: [Substring], mayNameRunner: Bool) {
        let namesRunner = words.count >= 4 && words[1] == "by"
        guard namesRunner || words.count >= 3 && words[1] == "waited" else { return }
        if namesRunner {
            if runner == nil, mayNameRunner { runner = String(words[2]) }
            if model == nil { model = String(words[3]) }
        }
        mentionsWake = true
        wakeID = wakeID ?? Self.wakeID(in: words.dropFirst())
    }

    private static func wakeID(in parts: some Sequence<Substring>) -> String? {
        for part in parts {
            let trimmed = part.trimmingPrefix(" ")
            if trimmed.hasPrefix("wake=") { return String(trimmed.dropFirst(5)) }
        }
        return nil
    }
}
