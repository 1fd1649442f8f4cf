/// Why the gateway cannot start, or cannot apply settings: one line for the operator.
public struct GatewayStartError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The problem and how to fix it.
    public let message: String
    /// The path of the value in the settings file, from the top; empty if no single value is the cause.
    public let keys: [String]

    package init(_ message: String, at keys: [String] = []) {
        self.message = message
        self.keys = keys
    }

    public var description: String {
        keys.isEmpty ? message : "\(keys.joined(separator: ".")): \(message)"
    }
}
