/// Why the gateway cannot start: one line for the operator.
public struct GatewayStartError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
