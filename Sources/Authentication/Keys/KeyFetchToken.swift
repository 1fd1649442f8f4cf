import Foundation
import SimpleAICore

/// The bearer token that an issuer requires for requests of its key set, as the Kubernetes API server does. The file is read
/// for every fetch, because projected tokens are replaced while the process runs.
struct KeyFetchToken: Sendable {
    /// In bytes.
    private static let maxSize = 64 << 10

    let path: String
    /// The URL in the settings. The token is sent to its host only.
    let address: String

    /// - Returns: nil for a URL that must not receive the token: another scheme, host or port, or plain HTTP to another
    ///   machine.
    /// - Throws: `KeySourceFault.unusableToken`, which contains no part of the token.
    func authorization(for target: String) throws(KeySourceFault) -> String? {
        guard let origin = Self.origin(of: target), origin == Self.origin(of: address) else { return nil }
        let bytes: [UInt8]
        do throws(KeySourceFault) {
            // A file that is not regular, such as a pipe, could block the fetch forever.
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

    /// The origin of a URL, by the HTTP client's URL parser. Nil for URLs that must not receive a secret.
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
