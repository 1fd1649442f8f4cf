import SimpleAICore

extension FairShare.Verdict {
    /// The error for a refused reservation of memory; nil if it was granted.
    /// - Parameter what: the plural of what is held.
    func memoryRefusal(for what: String) -> GatewayError? {
        switch self {
        case .granted: nil
        case .exhausted:
            GatewayError(
                .queueFull, "The gateway holds too many \(what) right now.", retry: .after(.seconds(5)),
                cause: "server.max_buffered is reached")
        case .beyondShare:
            GatewayError(
                .rateLimitExceeded,
                "Your calls hold as many \(what) as there is room for of one caller or address. Try again when some "
                    + "of them have ended.",
                retry: .after(.seconds(5)), cause: "share of server.max_buffered")
        }
    }
}

extension GatewayRules {
    /// The holder of a client's share of bounded resources; nil for a trusted proxy that states no client address,
    /// because it may stand for many clients.
    func shareHolder(of client: IPAddress?) -> Peer? { proxies.believes(client) ? nil : Peer(client) }
}
