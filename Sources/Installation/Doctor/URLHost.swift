import SimpleAICore

/// The host of a URL that the settings have validated.
enum URLHost {
    /// In lower case, without brackets; nil without a host.
    static func of(_ url: String) -> String? {
        guard let scheme = url.firstRange(of: "://") else { return nil }
        let authority = url[scheme.upperBound...].prefix { !"/?#".contains($0) }
        if authority.first == "[" { return authority.dropFirst().split(separator: "]").first.map { $0.lowercased() } }
        return authority.split(separator: ":").first.map { $0.lowercased() }
    }

    /// Whether a resolver is needed to reach it.
    static func isName(_ host: String) -> Bool {
        IPAddress(host) == nil && !host.isEmpty && host != "localhost" && !host.hasSuffix(".localhost")
    }
}
