import Foundation

/// The deployment under test, identified by its base URL.
public struct DeploymentAddress: Sendable, Hashable, CustomStringConvertible {
    public let host: String
    public let port: Int
    public let usesTLS: Bool
    /// Path before `/v1/…`: empty, or `/prefix` without a trailing slash.
    public let basePath: String

    /// Parses `https://host[:port][/prefix][/v1]`; a trailing `/v1` is ignored.
    ///
    /// - Throws: ``DeploymentAddressError`` with one sentence for the operator.
    public init(_ text: String) throws(DeploymentAddressError) {
        let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard let components = URLComponents(string: trimmed), let scheme = components.scheme?.lowercased() else {
            throw DeploymentAddressError("'\(trimmed)' is not a URL; use one such as https://ai.example.com")
        }
        // `localhost:8080` parses as a URL with the scheme `localhost`, which is not what the operator means.
        guard trimmed.contains("://") else {
            throw DeploymentAddressError("'\(trimmed)' does not begin with https:// or http://")
        }
        guard scheme == "https" || scheme == "http" else {
            throw DeploymentAddressError(
                "'\(trimmed)' begins with \(scheme)://; only https:// and http:// can be tested")
        }
        guard components.user == nil, components.password == nil else {
            throw DeploymentAddressError(
                "the URL contains a user or password; use --token or --token-binary for credentials")
        }
        guard components.query == nil, components.fragment == nil else {
            throw DeploymentAddressError("'\(trimmed)' has a query or fragment; the base URL must end with its path")
        }
        guard let rawHost = components.encodedHost, !rawHost.isEmpty else {
            throw DeploymentAddressError("'\(trimmed)' has no host; use a URL such as https://ai.example.com")
        }
        host = rawHost.trimmingCharacters(in: CharacterSet(charactersIn: "[]")).lowercased()
        usesTLS = scheme == "https"
        port = components.port ?? (usesTLS ? 443 : 80)
        guard (1...65535).contains(port) else { throw DeploymentAddressError("port \(port) is outside 1…65535") }
        var path = components.percentEncodedPath
        while path.hasSuffix("/") { path.removeLast() }
        if path == "/v1" || path.hasSuffix("/v1") { path.removeLast(3) }
        while path.hasSuffix("/") { path.removeLast() }
        basePath = path
    }

    /// The host as written in a URL or a `Host` field: IPv6 addresses in brackets, default ports left out.
    public var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (usesTLS ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// Whether the host is this machine, judging by its name or address.
    public var isLoopback: Bool { HostReach(host: host).exposureOverPlainHTTP == .none }

    public var description: String { "\(usesTLS ? "https" : "http")://\(authority)\(basePath)" }

    /// The exposure of a token on its way to this host over plain HTTP.
    public var exposure: Exposure {
        usesTLS ? .none : HostReach(host: host).exposureOverPlainHTTP
    }

    /// The networks on which a token can be read in transit.
    public enum Exposure: Sendable {
        /// Nowhere: the connection is encrypted, or stays on this machine.
        case none
        /// On the local network.
        case localNetwork
        /// On the internet.
        case internet
    }
}

/// Why a base URL cannot be used.
public struct DeploymentAddressError: Error, CustomStringConvertible, Sendable {
    public let description: String

    init(_ description: String) { self.description = description }
}

/// The network that a host belongs to, determined only from its name or address.
struct HostReach {
    let exposureOverPlainHTTP: DeploymentAddress.Exposure

    init(host: String) {
        if let octets = Self.octets(of: host) {
            switch (octets[0], octets[1]) {
            case (127, _): exposureOverPlainHTTP = .none
            case (10, _), (192, 168), (169, 254), (172, 16...31), (100, 64...127): exposureOverPlainHTTP = .localNetwork
            default: exposureOverPlainHTTP = .internet
            }
        } else if host.contains(":") {
            let local = ["fe8", "fe9", "fea", "feb", "fc", "fd"]
            exposureOverPlainHTTP =
                host == "::1" ? .none : local.contains(where: host.hasPrefix) ? .localNetwork : .internet
        } else if host == "localhost" || host.hasSuffix(".localhost") {
            exposureOverPlainHTTP = .none
        } else if !host.contains(".") || host.hasSuffix(".local") || host.hasSuffix(".lan") {
            exposureOverPlainHTTP = .localNetwork
        } else {
            exposureOverPlainHTTP = .internet
        }
    }

    private static func octets(of host: String) -> [UInt8]? {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        let octets = parts.compactMap { UInt8($0) }
        return octets.count == 4 ? octets : nil
    }
}
