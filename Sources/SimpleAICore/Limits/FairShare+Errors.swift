extension FairShare.Decision {
    /// The error for a refused reservation of memory; nil if it was granted.
    /// - Parameter what: a plural noun for what uses the memory.
    package func memoryRefusal(for what: String) -> GatewayError? {
        switch self {
        case .granted: nil
        case .exhausted:
            GatewayError(
                .queueFull, "The gateway has no memory left for \(what). Retry later.", retry: .after(.seconds(5)),
                cause: "server.max_buffered reached")
        case .beyondShare:
            GatewayError(
                .rateLimitExceeded,
                "The \(what) of your calls exceed the memory share of one caller or address. Retry when some "
                    + "of them have completed.",
                retry: .after(.seconds(5)), cause: "share of server.max_buffered")
        }
    }
}
