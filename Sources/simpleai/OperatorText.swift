import NetworkErrors

/// The line for an error that ends a command: the description of our own types, and a translation of all other errors.
enum OperatorText {
    /// The targets of this package, whose errors describe themselves for operators.
    private static let ownModules: Set<String> = [
        "Acceptance", "Authentication", "Gateway", "KeyStore", "LocalFleet", "OperatingSystem", "Relay", "RunnerAgent",
        "RunnerProtocol", "Scheduling", "Settings", "SimpleAICore", "TokenProviders", "WakeOnLAN", "WebSocketTransport",
        "Installation", "Storage",
        "simpleai",
        // `ValidationError`, for values that a command validates itself.
        "ArgumentParser",
    ]

    static func of(_ error: any Error) -> String {
        let module = String(reflecting: type(of: error)).prefix { $0 != "." }
        return ownModules.contains(String(module)) ? String(describing: error) : NetworkErrorText.of(error)
    }
}
