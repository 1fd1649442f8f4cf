import Foundation
import SimpleAICore

/// The bearer token that an issuer demands before it shows its keys, as the API server of Kubernetes does. It is read from
/// its file for every fetch, because projected tokens are replaced while the process runs.
struct KeyFetchToken: Sendable {
    /// In bytes.
    private static let maxSize = 64 << 10

    let path: String
    /// The address that the settings name. The token goes to its host, and nowhere else.
    let address: String

    /// - Returns: nil for an address that must not see the token: one of another scheme, host or port, and one that is
    ///   reached without TLS beyond this machine.
    /// - Throws: `KeySourceFault.unusableToken`. No fault holds anything of the token.
    func authorization(for target: String) throws(KeySourceFault) -> String? {
        guard let origin = Self.origin(of: target), origin == Self.origin(of: address) else { return nil }
        let bytes: [UInt8]
        do throws(KeySourceFault) {
            // A file that is no regular one could make the fetch wait for ever.
            _ = try KeyFile(path: path).stamp()
            bytes = try KeyFile(path: path).contents(atMost: Self.maxSize)
        } catch {
            let reason =
                switch error {
                case .unreadableFile(let reason): reason
                case .notJSON: "it is empty"
                default: error.description
                }
            throw .unusableToken(path: path, reason: reason)
        }
        let token = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .unusableToken(path: path, reason: "it contains no token (one word of visible ASCII)")
        }
        return "Bearer \(token)"
    }

    private struct Origin: Hashable {
        let scheme: String
        let host: String
        let port: Int
    }

    /// Read by the same parser as the HTTP client's. Nil for addresses that may not see a secret.
    private static func origin(of address: String) -> Origin? {
        guard let url = URL(string: address), url.user == nil, url.password == nil,
            let scheme = url.scheme?.lowercased(), let host = url.host?.lowercased(), !host.isEmpty
        else { return nil }
        guard scheme == "https" || (scheme == "http" && isLoopback(host)) else { return nil }
        return Origin(scheme: scheme, host: host, port: url.port ?? (scheme == "https" ? 443 : 80))
    }

    private static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host.hasSuffix(".localhost") { return true }
        return IPAddress(host.trimmingCharacters(in: ["[", "]"]))?.isLoopback ?? false
    }
}
