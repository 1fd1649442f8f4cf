import Foundation

/// Validation of endpoint addresses, which receive secrets.
enum EndpointAddress {
    /// - Throws: `TokenProviderProblem.address` unless the text is an `https` URL, an `http` URL with a loopback host, or any
    ///   `http` URL if `allowsInsecure` is true.
    static func check(_ text: String, allowsInsecure: Bool) throws(TokenProviderProblem) {
        let shown = DisplayText(text).text
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            let host = parts.encodedHost, !host.isEmpty, scheme == "https" || scheme == "http"
        else { throw .address(shown, "is not an http or https URL") }
        guard parts.user == nil, parts.password == nil, parts.fragment == nil else {
            throw .address(shown, "contains a user, a password or a fragment")
        }
        guard scheme == "https" || allowsInsecure || isLoopback(host) else {
            throw .address(shown, "lacks TLS: secrets would be sent in plain text; `allow_insecure: true` permits it")
        }
    }

    /// OpenID Connect Discovery 1.0 §4.1: a trailing slash of the issuer is not doubled.
    static func discovery(of issuer: String) -> String {
        (issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer) + "/.well-known/openid-configuration"
    }

    /// Loopback addresses, `localhost` and the names below it (RFC 6761 §6.3).
    private static func isLoopback(_ host: String) -> Bool {
        let host = host.trimmingCharacters(in: CharacterSet(charactersIn: "[]")).lowercased()
        if host == "localhost" || host.hasSuffix(".localhost") || host == "::1" { return true }
        var address = in_addr()
        guard inet_pton(AF_INET, host, &address) == 1 else { return false }
        return withUnsafeBytes(of: &address) { $0.first == 127 }
    }
}
