/// An API through which models are called. It determines which request header fields are forwarded, and the form of errors,
/// streams and keepalives, which the target `Dialects` writes.
public enum Dialect: Hashable, Sendable, CaseIterable {
    case openAI
    case anthropic
    case ollama

    /// The dialect in which the client of a request reads errors.
    /// - Parameters:
    ///   - uri: the request target.
    ///   - hasAnthropicVersion: whether the request has the header field `anthropic-version`, which decides on paths that
    ///     several APIs share, such as `/v1/models`.
    public init(ofRequest uri: String, hasAnthropicVersion: Bool) {
        if let endpoint = InferencePath(uri)?.endpoint {
            self = endpoint.dialect
        } else if RequestTarget(uri).path.utf8.starts(with: "/api/".utf8) {
            self = .ollama
        } else {
            self = hasAnthropicVersion ? .anthropic : .openAI
        }
    }

    /// In lower case.
    public static let anthropicVersion = "anthropic-version"
}
