/// Why the gateway cannot start, or cannot take settings over: one line for the operator.
public struct GatewayStartError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong; how to mend it.
    public let message: String
    /// The value's way from the top of the settings file; empty where no single value is to blame.
    public let keys: [String]

    init(_ message: String, at keys: [String] = []) {
        self.message = message
        self.keys = keys
    }

    public var description: String {
        keys.isEmpty ? message : "\(keys.joined(separator: ".")): \(message)"
    }
}
