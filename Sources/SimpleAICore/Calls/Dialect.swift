/// An API through which models are called. It determines which request header fields are forwarded.
public enum Dialect: Hashable, Sendable, CaseIterable {
    case openAI
}

extension Endpoint {
    public var dialect: Dialect { .openAI }
}
