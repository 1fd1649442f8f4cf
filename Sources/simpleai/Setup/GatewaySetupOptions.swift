import ArgumentParser

/// The answers to the questions about a gateway.
struct GatewaySetupOptions: ParsableArguments {
    @Option(
        help: .init(
            "Address to listen on: 127.0.0.1 (the default) or 0.0.0.0, or one of this machine's.", valueName: "address")
    )
    var host: String?
    @Option(help: .init("Port to listen on (default: 8080, or the next free one).", valueName: "port"))
    var port: Int?
    @Option(
        help: .init(
            "Identity provider whose tokens are accepted (default: a token key that setup makes).",
            valueName: "issuer-url"))
    var issuer: String?
    @Option(help: "Audience of the provider's tokens (default: simpleai).")
    var audience: String?
    @Flag(inversion: .prefixedNo, help: "Search the machines on this network for engines (default: no).")
    var scanNetwork: Bool?
    @Option(
        name: .customLong("class"),
        help: .init("A class and its models, replacing the proposal; may be repeated.", valueName: "name=model,model"))
    var classes: [String] = []

    /// The first of these options that the command line contains.
    var firstGivenOption: String? {
        let options: [(name: String, isGiven: Bool)] = [
            ("--host", host != nil), ("--port", port != nil), ("--issuer", issuer != nil),
            ("--audience", audience != nil),
            ("--scan-network", scanNetwork != nil), ("--class", !classes.isEmpty),
        ]
        return options.first(where: \.isGiven)?.name
    }

    func validateOptions() throws {
        if let port { guard (1...65_535).contains(port) else { throw ValidationError("--port must be 1 to 65535") } }
        if let issuer {
            guard issuer.hasPrefix("https://") || issuer.hasPrefix("http://") else {
                throw ValidationError("--issuer must be the URL of the provider, as in the claim `iss` of its tokens")
            }
        } else if audience != nil {
            throw ValidationError("--audience requires --issuer")
        }
        for text in classes {
            let parts = text.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, !parts[1].isEmpty else {
                throw ValidationError("--class \(text) is not of the form NAME=MODEL,MODEL")
            }
        }
    }
}

/// The answers to the questions about a runner agent.
struct RunnerSetupOptions: ParsableArguments {
    @Flag(help: "Write the settings of a runner agent (runner.yaml) instead.")
    var runner = false
    @Option(name: .customLong("gateway"), help: .init("The gateway: ws://HOST:PORT or wss://HOST.", valueName: "url"))
    var url: String?
    @Option(help: "The machine's id, as invited.")
    var id: String?
    @Option(help: "The invitation of `simpleai invite`, or the gateway's fleet.token.")
    var token: String?
    @Option(help: .init("Port for the gateway's calls (default: 8081, or the next free one).", valueName: "port"))
    var listenPort: Int?
    @Flag(help: "Let the gateway put this machine to sleep with `systemctl suspend`.")
    var sleep = false

    func validateOptions() throws {
        guard runner else {
            guard url == nil, id == nil, token == nil, listenPort == nil, !sleep else {
                throw ValidationError("--gateway, --id, --token, --listen-port and --sleep require --runner")
            }
            return
        }
        if let listenPort, !(0...65_535).contains(listenPort) {
            throw ValidationError("--listen-port must be 0 to 65535")
        }
    }
}
