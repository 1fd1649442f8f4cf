import SimpleAICore

extension FairShare.Verdict {
    /// The error for a refused reservation of memory; nil if it was granted.
    /// - Parameter what: a plural noun for what uses the memory.
    func memoryRefusal(for what: String) -> GatewayError? {
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

extension GatewayRules {
    /// The holder of a client's share of bounded resources; nil for a trusted proxy that states no client address,
    /// because it may stand for many clients.
    func shareHolder(of client: IPAddress?) -> Peer? { proxies.trusts(client) ? nil : Peer(client) }
}
