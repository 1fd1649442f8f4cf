import NetworkErrors

/// The line for an error that ends a command: what our own types state about themselves, and the translation of
/// everything else.
enum OperatorText {
    /// The targets of this package: what their errors state is written for operators.
    private static let ownModules: Set<String> = [
        "Acceptance", "Authentication", "Gateway", "KeyStore", "LocalFleet", "OperatingSystem", "Relay", "RunnerAgent",
        "RunnerProtocol", "Scheduling", "Settings", "SimpleAICore", "TokenProviders", "WakeOnLAN", "WebSocketTransport",
        "simpleai",
        // `ValidationError`, of values that a command checks itself.
        "ArgumentParser",
    ]

    static func of(_ error: any Error) -> String {
        let module = String(reflecting: type(of: error)).prefix { $0 != "." }
        return ownModules.contains(String(module)) ? String(describing: error) : NetworkErrorText.of(error)
    }
}
