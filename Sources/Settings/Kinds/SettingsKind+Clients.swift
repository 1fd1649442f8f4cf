import SimpleAICore

extension SettingsKind where Value == IPNetwork {
    /// An IP address, or the address prefix of a network.
    static var network: Self {
        .init("a network like 10.0.0.0/8 or 2001:db8::/32") { text throws(SettingsMismatch) in
            if let network = IPNetwork(text) { return network }
            let parts = text.split(separator: "/", maxSplits: 1)
            guard parts.count == 2, let address = IPAddress(parts[0]), let length = Int(parts[1]), length >= 0,
                length <= (address.v4 == nil ? 128 : 32)
            else {
                throw .init(
                    "\(quoted(text)) is not a network; use a value such as 10.0.0.0/8, 2001:db8::/32 or 10.0.0.5")
            }
            throw .init(
                "\(quoted(text)) has bits set beyond the prefix length \(length); use the first address of the network")
        }
    }
}

extension SettingsKind where Value == String {
    /// The value of a browser's `Origin` field (RFC 6454 §6.2): scheme, host and, unless it is the scheme's default,
    /// port. Applications with web views and browser extensions use their own schemes.
    static var origin: Self {
        .init("an origin like https://chat.example.com or app://obsidian.md") { text throws(SettingsMismatch) in
            guard text != "*" else {
                throw .init("* would let any website call the gateway; list the origins of your own pages")
            }
            guard text != "null" else {
                throw .init(
                    "null is the origin of local files and of every sandboxed page; serve the page from an origin")
            }
            if let origin = try appOrigin(text) { return origin }
            let address = try WebAddress(text, allowingQuery: false)
            guard address.path.isEmpty else {
                throw .init("\(quoted(text)) has a path; use \(address.scheme)://\(address.authority)")
            }
            guard !(address.scheme == "https" && address.port == 443), !(address.scheme == "http" && address.port == 80)
            else { throw .init("\(quoted(text)) has the scheme's default port; omit it as browsers do") }
            return "\(address.scheme)://\(address.authority.lowercased())"
        }
    }

    /// An origin with a scheme other than http and https: `app://obsidian.md`, `chrome-extension://abc`. Nil for text
    /// that does not begin with such a scheme.
    private static func appOrigin(_ text: String) throws(SettingsMismatch) -> String? {
        guard let separator = text.firstRange(of: "://") else { return nil }
        let (scheme, host) = (text[..<separator.lowerBound].lowercased(), text[separator.upperBound...])
        guard scheme != "http", scheme != "https", let first = scheme.utf8.first,
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first), scheme.utf8.allSatisfy(isInScheme)
        else { return nil }
        guard !["file", "data", "blob", "about", "javascript"].contains(scheme) else {
            throw .init(
                "\(quoted(text)) is not an origin that browsers send: pages with \(scheme) URLs have the origin null")
        }
        let end = host.firstIndex { "/?#".contains($0) } ?? host.endIndex
        guard end == host.endIndex else {
            throw .init("\(quoted(text)) has a path; use \(scheme)://\(host[..<end])")
        }
        guard !host.isEmpty,
            host.utf8.allSatisfy({ isInScheme($0 | 0x20) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "_") })
        else { throw .init("\(quoted(text)) lacks a valid host; use an origin such as app://obsidian.md") }
        return "\(scheme)://\(host)"
    }

    /// A character of a scheme in lower case (RFC 3986 §3.1).
    private static func isInScheme(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"),
            UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
