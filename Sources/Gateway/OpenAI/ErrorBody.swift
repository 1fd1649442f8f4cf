import SimpleAICore

/// The error object that OpenAI's SDKs understand, always with all four keys.
struct ErrorBody: Hashable {
    let message: String
    let type: String
    let param: String?
    let code: String

    var json: String {
        let param = param.map(JSONString.encode) ?? "null"
        return "{\"error\":{\"message\":\(JSONString.encode(message)),\"type\":\(JSONString.encode(type)),"
            + "\"param\":\(param),\"code\":\(JSONString.encode(code))}}"
    }

    /// The in-band form: one event, and nothing after it.
    var event: String { "data: \(json)\n\n" }
}
