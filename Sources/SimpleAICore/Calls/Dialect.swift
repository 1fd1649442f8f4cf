/// An interface that models are called through. What may cross the gateway in a request's head depends on it.
public enum Dialect: Hashable, Sendable, CaseIterable {
    case openAI
}

extension Endpoint {
    public var dialect: Dialect { .openAI }
}
