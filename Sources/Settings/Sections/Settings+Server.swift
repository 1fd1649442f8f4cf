import SimpleAICore

extension Settings.Server: SettingsSection {
    static var defaults: Self { .init() }

    static var keys: [Key<Self>] {
        Key(
            "host", \.host, .host, reload: .restart,
            "The address to listen on: 127.0.0.1 for this machine only, 0.0.0.0 or \"::\" for every network.")
        Key(
            "port", \.port, .integer(0...65_535), reload: .restart,
            "The port to listen on; 0: any free port, which is printed.")
        Key(
            "event_loops", \.eventLoops, .integer(0...1_024), reload: .restart,
            "The number of event loop threads; 0: one per core.")
        Key(
            "tls", \.tls, as: .section(Settings.ServerTLS.self),
            reload: .liveExcept("switching TLS on or off needs a restart, because it changes the URL for clients"),
            needsRestart: { ($0 == nil) != ($1 == nil) }, shown: { $0 == nil ? "off" : nil },
            "The server's certificate, followed by its intermediate certificates, and its key: PEM files."
        ) { table, server in
            var tls = Settings.ServerTLS.defaults
            table.section("tls") { tls.read(from: &$0) }
            server.tls = tls.certificate.isEmpty || tls.key.isEmpty ? nil : tls
        }
        Key("drain", \.drain, .duration(), "After SIGTERM, calls in progress get this long to finish.")
        Key(
            "drain_notice", \.drainNotice, .duration(),
            "After SIGTERM, the gateway accepts new connections for this long while /ready already responds with 503, so "
                + "that load balancers notice.")
        Key(
            "max_body", \.maxBody, .size(from: .kibibytes(1), to: .gibibytes(4)),
            "The maximum size of a request body.")
        Key(
            "max_buffered", \.maxBuffered, .size(from: .kibibytes(1), to: .gibibytes(1_024)),
            "The maximum memory for all request bodies and non-streaming responses together.")
        Key(
            "max_spooled", \.maxSpooled, .size(from: .kibibytes(1), to: .gibibytes(16_384)),
            "The maximum disk space for all multipart request bodies longer than 1MiB together, in the directory of "
                + "fleet.state_file.")
        Key(
            "max_spooled_per_caller", \.maxSpooledPerCaller, .size(from: .kibibytes(1), to: .gibibytes(16_384)),
            "The maximum disk space for the multipart request bodies of one caller together.")
        Key(
            "max_response", \.maxResponse, .size(from: .kibibytes(1), to: .gibibytes(16)),
            "The maximum size of a non-streaming response.")
        Key(
            "max_connections", \.maxConnections, .integer(1...1_000_000), reload: .restart,
            "The maximum number of client connections.")
        Key(
            "idle_timeout", \.idleTimeout, .duration(from: .seconds(1)),
            "Idle connections are closed after this time; so are connections whose client sends a head or a body too "
                + "slowly, or does not read the response.")
        Key(
            "trusted_proxies", list: \.trustedProxies, of: .network,
            "Proxies in front of the gateway, as networks or addresses, such as [10.0.0.0/8, \"fd00::/8\"].")
        Key.section("cors", "Which web pages may call models.") {
            Key(
                "origins", list: \.corsOrigins, of: .origin,
                "Origins of web pages and programs with web views that may call models, compared byte for byte.")
        }
        Key(
            "max_headers", \.maxHeaders, .size(from: .kibibytes(1), to: .mebibytes(1)),
            "The maximum size of all header fields of a request together.")
    }

    func check(in table: SettingsTable) {
        if trustedProxies.contains(where: \.containsAllAddresses) {
            table.warning(
                "trusts every client's X-Forwarded-For; list the networks of your proxies only", at: "trusted_proxies")
        }
        if maxBuffered < maxBody {
            table.problem(
                "\(maxBuffered) is less than one body of server.max_body (\(maxBody)); raise it or lower max_body",
                at: "max_buffered")
        }
        for (name, space) in [("max_spooled", maxSpooled), ("max_spooled_per_caller", maxSpooledPerCaller)]
        where space < maxBody && table.hasValue(name) {
            table.problem(
                "\(space) is less than one body of server.max_body (\(maxBody)); raise it or lower max_body", at: name)
        }
    }
}

extension Settings.ServerTLS: SettingsSection {
    /// Plain HTTP.
    static var defaults: Self { .init(certificate: "", key: "") }

    static var keys: [Key<Self>] {
        Key(
            "certificate", \.certificate, .certificate,
            "The server's certificate, followed by its intermediate certificates: a path, or the text in PEM.")
        Key.secret(
            "key", \.key, .privateKey, "The private key of the certificate: a path, or the text in PEM.")
    }

    func check(in table: SettingsTable) {
        if let path = table.text(of: "key"), !table.hasProblem(at: "key") {
            table.warnIfWorldReadable(path, at: "key")
        }
        guard !["certificate", "key", "key_file"].contains(where: table.hasProblem) else { return }
        switch (certificate.isEmpty, key.isEmpty) {
        case (false, true):
            table.problem("has no key; set key or key_file, or remove the certificate", at: "certificate")
        case (true, false):
            let key = table.hasValue("key") ? "key" : "key_file"
            table.problem("has no certificate; set certificate, or remove the key", at: key)
        default: break
        }
    }
}

extension ByteCount {
    fileprivate static func gibibytes(_ count: Int) -> Self { .mebibytes(count << 10) }
}
