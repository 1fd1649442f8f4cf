/// The address of a WebSocket server: `ws://host:port/path` or `wss://…`.
public struct WebSocketAddress: Hashable, Sendable {
    public let isSecure: Bool
    /// Without the brackets of an IPv6 address.
    public let host: String
    public let port: Int
    /// Path and query; at least `/`.
    public let target: String

    /// Parses an absolute URL; returns nil for anything else, including user information and fragments.
    public init?(_ text: String) {
        guard let scheme = text.firstRange(of: "://") else { return nil }
        switch text[..<scheme.lowerBound].lowercased() {
        case "ws": isSecure = false
        case "wss": isSecure = true
        default: return nil
        }
        let rest = text[scheme.upperBound...]
        guard rest.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), !rest.contains("#") else { return nil }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let after = rest.dropFirst(authority.count)
        target = after.hasPrefix("/") ? String(after) : "/" + after
        guard !authority.contains("@") else { return nil }
        let name: Substring
        let portText: Substring
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            name = authority[authority.index(after: authority.startIndex)..<end]
            portText = authority[authority.index(after: end)...]
            guard name.contains(":") else { return nil }
        } else {
            name = authority.prefix { $0 != ":" }
            portText = authority.dropFirst(name.count)
        }
        guard !name.isEmpty else { return nil }
        host = String(name)
        if portText.isEmpty {
            port = isSecure ? 443 : 80
        } else {
            guard portText.hasPrefix(":"), let number = UInt16(portText.dropFirst()), number > 0 else { return nil }
            port = Int(number)
        }
    }

    /// The value of the `Host` field.
    var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }
}
