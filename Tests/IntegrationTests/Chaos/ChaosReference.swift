/// The response that a caller must get for a script: an independent implementation of the rules for errors and streams, from
/// values instead of bytes and without any code of the gateway.
enum ChaosReference {
    struct Expected: Equatable, CustomStringConvertible {
        /// 200 for a stream that has begun.
        var status = 200
        var text = ""
        /// The stream ended with `[DONE]`, or the document was a result.
        var isWhole = false
        /// The response has an error object, with the engine's text if the caller may read it.
        var hasError = false
        var words: String?
        var showsUsage = false
        var showsTimings = false

        var description: String {
            "\(status) \(text) whole=\(isWhole) error=\(hasError) \(words ?? "-") usage=\(showsUsage) timings=\(showsTimings)"
        }
    }

    static func expected(_ script: ChaosScript) -> Expected {
        switch script.body {
        case .stream(let items): stream(lacksLastEvent(script) ? items.dropLast() : items, script)
        case .result(let text): document(text, script)
        case .error(let status, let shape, let words): error(status, shape, words, script)
        }
    }

    /// A cut body with Content-Length lacks its last byte. If that byte is the LF of a CR LF, the last event is
    /// complete and the gateway does not wait for more.
    private static func lacksLastEvent(_ script: ChaosScript) -> Bool {
        guard script.framing == .length, script.ending == .cut else { return false }
        guard script.lineEnd == .crlf, case .stream(let items) = script.body, case .done? = items.last else {
            return true
        }
        return false
    }

    /// Whether the exchange ends without a timeout of minutes although its body stays open.
    static func endsBySelf(_ script: ChaosScript) -> Bool {
        guard script.ending == .open else { return true }
        guard case .stream(let items) = script.body else { return false }
        for item in items {
            switch item {
            case .done, .error: return true
            case .piece(_, let reason), .finish(let reason): if reason.isReal { return true }
            case .usage, .comment, .notANumber: break
            }
        }
        return false
    }

    /// Whether the framing is complete.
    private static func isComplete(_ script: ChaosScript) -> Bool {
        script.ending == .clean || script.framing == .untilClosed && script.ending == .cut
    }

    private static func stream(_ items: [ChaosScript.Item], _ script: ChaosScript) -> Expected {
        var expected = Expected()
        var isFinished = false
        for item in items {
            switch item {
            case .piece(let text, let reason):
                expected.text += text
                if reason.isReal { isFinished = true }
            case .finish(let reason): if reason.isReal { isFinished = true }
            case .usage(let more):
                if script.wantsUsage { expected.showsUsage = true }
                if more { expected.showsTimings = true }
            case .done:
                expected.isWhole = true
                return expected
            case .error(_, let words):
                (expected.hasError, expected.words) = (true, words)
                return expected
            case .comment, .notANumber: break
            }
        }
        if isFinished, isComplete(script) || script.ending == .open {
            expected.isWhole = true
        } else {
            expected.hasError = true
        }
        return expected
    }

    private static func document(_ text: String, _ script: ChaosScript) -> Expected {
        guard isComplete(script) else { return Expected(status: 502, hasError: true) }
        return Expected(text: text, isWhole: true)
    }

    private static func error(
        _ status: Int, _ shape: ChaosScript.ErrorShape, _ words: String, _ script: ChaosScript
    ) -> Expected {
        var expected = Expected(status: status, hasError: true, words: words)
        if !isComplete(script) {
            (expected.status, expected.words) = (502, nil)
        } else {
            switch status {
            case 200: expected.status = 500
            case 401: (expected.status, expected.words) = (502, nil)
            case 403, 502...504, 520, 302: expected.status = 502
            // Text that names neither a model nor a path is about something else.
            case 404: break
            case 405: expected.status = 501
            case 408: expected.status = 504
            default: break
            }
        }
        // Once the head was sent, errors are events in the stream.
        if script.isLate { expected.status = 200 }
        return expected
    }
}
