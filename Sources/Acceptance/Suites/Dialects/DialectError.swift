extension Endpoint.Dialect {
    /// Why a response is not an error of this dialect; nil if it is one.
    func errorProblem(_ exchange: Exchange) -> String? {
        guard let json = exchange.json else { return "\(exchange.contentName) instead of a JSON error" }
        switch self {
        case .openAI: return exchange.errorObjectProblem
        case .anthropic: return anthropicProblem(json, status: exchange.status)
        case .ollama:
            return json["error"]?.string?.isEmpty == false ? nil : "`error` is not a text, as in Ollama's errors"
        case .rerank:
            // Cohere has `message`, Jina `detail`; many servers return OpenAI's error object.
            let isText = [json["message"], json["detail"]].contains { $0?.string?.isEmpty == false }
            return isText ? nil : exchange.errorObjectProblem
        }
    }

    private func anthropicProblem(_ json: JSONValue, status: Int) -> String? {
        guard json["type"]?.string == "error" else { return "`type` is not \"error\", as in Anthropic's errors" }
        guard let type = json["error"]?["type"]?.string, json["error"]?["message"]?.string?.isEmpty == false else {
            return "`error` lacks `type` or `message`"
        }
        guard let expected = Self.anthropicTypes[status], type != expected else { return nil }
        return "the type of the error is \(type), not \(expected)"
    }

    /// Source: Anthropic's documentation, "Errors".
    private static let anthropicTypes = [
        400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
        413: "request_too_large", 429: "rate_limit_error", 500: "api_error", 529: "overloaded_error",
    ]

    /// The shape of an error, for evidence.
    var errorShape: String {
        switch self {
        case .openAI: #"{"error":{"message","type","param","code"}}"#
        case .anthropic: #"{"type":"error","error":{"type","message"}}"#
        case .ollama: #"{"error":"…"}"#
        case .rerank: #"an error object, {"message":"…"} or {"detail":"…"}"#
        }
    }
}

extension Exchange {
    /// The message of an error of any dialect, as ` (…)`; empty without one.
    var dialectErrorSummary: String {
        guard let json, let text = Self.errorText(json) else { return "" }
        return " (\(text.prefix(160)))"
    }

    /// The message of an error of any dialect, in a body or in an element of a stream; nil if there is none.
    static func errorText(_ json: JSONValue) -> String? {
        json["error"]?["message"]?.string ?? json["error"]?.string ?? json["detail"]?.string
            ?? (json["type"]?.string == "error" ? json["message"]?.string : nil)
    }
}
