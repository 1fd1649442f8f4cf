import SimpleAICore

extension Settings.Server: SettingsSection {
    mutating func read(from table: inout SettingsTable) {
        table.read("host", .host, into: &host)
        table.read("port", .integer(0...65_535), into: &port)
        table.read("event_loops", .integer(0...1_024), into: &eventLoops)
        table.section("tls") { tls = Settings.ServerTLS(from: &$0) }
        table.read("drain", .duration(), into: &drain)
        table.read("drain_notice", .duration(), into: &drainNotice)
        table.read("max_body", .size(from: .kibibytes(1), to: .gibibytes(4)), into: &maxBody)
        table.read("max_buffered", .size(from: .kibibytes(1), to: .gibibytes(1_024)), into: &maxBuffered)
        table.read("max_response", .size(from: .kibibytes(1), to: .gibibytes(16)), into: &maxResponse)
        table.read("max_connections", .integer(1...1_000_000), into: &maxConnections)
        table.read("idle_timeout", .duration(from: .seconds(1)), into: &idleTimeout)
        table.list("trusted_proxies", of: .network, into: &trustedProxies)
        if trustedProxies.contains(where: \.containsAllAddresses) {
            table.warning(
                "trusts every client's X-Forwarded-For; list the networks of your proxies only", at: "trusted_proxies")
        }
        table.section("cors") { $0.list("origins", of: .origin, into: &corsOrigins) }
        table.read("max_headers", .size(from: .kibibytes(1), to: .mebibytes(1)), into: &maxHeaders)
        if maxBuffered < maxBody {
            table.problem(
                "\(maxBuffered) is less than one body of server.max_body (\(maxBody)); raise it or lower max_body",
                at: "max_buffered")
        }
    }
}

extension Settings.ServerTLS {
    /// Nil for plain HTTP, and if the certificate or the key is missing or invalid.
    fileprivate init?(from table: inout SettingsTable) {
        let certificate = table.read("certificate", .certificate) ?? ""
        let key = table.secret("key", .privateKey) ?? ""
        let isRefused = ["certificate", "key", "key_file"].contains(where: table.hasProblem)
        switch (certificate.isEmpty, key.isEmpty) {
        case (false, false): self.init(certificate: certificate, key: key)
        case (false, true) where !isRefused:
            table.problem("has no key; set key or key_file, or remove the certificate", at: "certificate")
            return nil
        case (true, false) where !isRefused:
            let key = table.hasValue("key") ? "key" : "key_file"
            table.problem("has no certificate; set certificate, or remove the key", at: key)
            return nil
        default: return nil
        }
    }
}

extension ByteCount {
    fileprivate static func gibibytes(_ count: Int) -> Self { .mebibytes(count << 10) }
}

extension Settings.Fleet: SettingsSection {
    mutating func read(from table: inout SettingsTable) {
        table.secret("token", .token, into: &token)
        table.names(in: "tokens") { table, name in
            let id = table.name(name, .agentID)
            let runnerToken = table.required(name, .token, "set the token of this runner")
            if let runnerToken, !runnerToken.isEmpty {
                tokens[id] = runnerToken
            } else if runnerToken != nil {
                table.problem("is empty; set the token of this runner", at: name)
            }
        }
        table.list("allowed_hosts", of: .host, into: &allowedHosts)
        // Agents send a message every 10 to 30 seconds.
        table.read("runner_timeout", .duration(from: .seconds(1), to: .seconds(86_400)), into: &runnerTimeout)
        table.read("grace", .duration(to: .seconds(3_600)), into: &gracePeriod)
        table.read("state_file", SettingsKind<String>.name("a path"), into: &stateFile)
    }
}
