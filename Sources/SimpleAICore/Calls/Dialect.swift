/// An API through which models are called. It determines which request header fields are forwarded, and the form of errors,
/// streams and keepalives, which the target `Dialects` writes.
public enum Dialect: Hashable, Sendable, CaseIterable {
    case openAI
    case anthropic
    case ollama
}
