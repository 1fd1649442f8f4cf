/// A URL in settings, `http` or `https` unless stated otherwise: scheme, host, port, path, and a query where one is
/// allowed. User names and passwords are refused everywhere, because addresses appear in logs.
struct WebAddress: Hashable, Sendable {
    let scheme: String
    /// Without brackets.
    let host: String
    /// Host and port as written.
    let authority: String
    /// Nil if none is written.
    let port: Int?
    /// Empty or beginning with `/`; includes the query.
    let path: String

    init(_ text: String, schemes: [String] = ["http", "https"], allowingQuery: Bool) throws(SettingsMismatch) {
        let first = schemes.first ?? ""
        guard !text.isEmpty else { throw .init("is empty; use a URL such as \(first)://10.0.0.5:11434") }
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .init("contains spaces or non-ASCII characters; percent-encode them")
        }
        guard let (scheme, rest) = Self.scheme(of: text, among: schemes) else {
            let prefixes = schemes.map { $0 + "://" }.joined(separator: " or ")
            throw .init("is not a URL with the scheme \(schemes.joined(separator: " or ")); begin with \(prefixes)")
        }
        let authority = rest.prefix { !"/?#".contains($0) }
        let path = rest.dropFirst(authority.count)
        guard !authority.contains("@") else {
            throw .init("contains a user or password; remove them (an engine's key belongs in api_key)")
        }
        guard !path.contains("#") else { throw .init("has a fragment; remove # and everything after it") }
        guard allowingQuery || !path.contains("?") else { throw .init("has a query; remove ? and everything after it") }
        (host, port) = try Self.hostAndPort(of: authority)
        self.scheme = scheme
        self.authority = String(authority)
        self.path = String(path)
    }

    /// The base URL, without trailing slashes and without the `/v1` that operators often copy.
    var base: String {
        var path = path[...]
        func dropSlashes() { while path.last == "/" { path.removeLast() } }
        dropSlashes()
        if path.hasSuffix("/v1") {
            path.removeLast(3)
            dropSlashes()
        }
        return "\(scheme)://\(authority)\(path)"
    }

    var isPlaintextToRemoteHost: Bool { scheme == "http" && !HostName.isLoopback(host) }

    private static func scheme(of text: String, among schemes: [String]) -> (scheme: String, rest: Substring)? {
        for scheme in schemes where text.lowercased().hasPrefix(scheme + "://") {
            return (scheme, text.dropFirst(scheme.count + 3))
        }
        return nil
    }

    private static func hostAndPort(of authority: Substring) throws(SettingsMismatch) -> (String, Int?) {
        let host: Substring
        let port: Substring?
        if authority.first == "[", let end = authority.firstIndex(of: "]") {
            host = authority[..<end].dropFirst()
            let rest = authority[end...].dropFirst()
            guard rest.isEmpty || rest.first == ":", host.contains(":") else {
                throw .init("lacks a valid host; use the form http://[::1]:8080 for IPv6")
            }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else {
            let parts = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            host = parts.first ?? ""
            port = parts.count > 1 ? parts[1] : nil
        }
        var portNumber: Int?
        if let port {
            guard port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(port),
                (1...65_535).contains(number)
            else { throw .init("has an invalid port after the colon; use 1 to 65535, or remove it") }
            portNumber = number
        }
        guard HostName.isValid(String(host)) else {
            throw .init("lacks a valid host; use a URL such as http://10.0.0.5:11434")
        }
        return (String(host), portNumber)
    }
}
