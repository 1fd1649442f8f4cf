import SimpleAICore

extension SettingsKind where Value == IPNetwork {
    /// An address, or the beginning that a network's addresses have in common.
    static var network: Self {
        .init("a network like 10.0.0.0/8 or 2001:db8::/32") { text throws(SettingsMismatch) in
            if let network = IPNetwork(text) { return network }
            let parts = text.split(separator: "/", maxSplits: 1)
            guard parts.count == 2, let address = IPAddress(parts[0]), let length = Int(parts[1]), length >= 0,
                length <= (address.v4 == nil ? 128 : 32)
            else { throw .init("\(quoted(text)) is no network; write one like 10.0.0.0/8, 2001:db8::/32 or 10.0.0.5") }
            throw .init("\(quoted(text)) has bits beyond the first \(length); write the network's first address")
        }
    }
}

extension SettingsKind where Value == String {
    /// What a browser sends as `Origin` (RFC 6454 §6.2): scheme, host and, unless it is the scheme's own, port.
    static var origin: Self {
        .init("an origin like https://chat.example.com") { text throws(SettingsMismatch) in
            guard text != "*" else {
                throw .init("* would let every page of the web call; name the origins of your own pages")
            }
            let address = try WebAddress(text, allowingQuery: false)
            guard address.path.isEmpty else {
                throw .init("\(quoted(text)) has a path; write \(address.scheme)://\(address.authority) alone")
            }
            guard !(address.scheme == "https" && address.port == 443), !(address.scheme == "http" && address.port == 80)
            else { throw .init("\(quoted(text)) has the port that goes without saying; leave it out as browsers do") }
            return "\(address.scheme)://\(address.authority.lowercased())"
        }
    }
}
