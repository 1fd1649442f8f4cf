import Foundation
import NetworkErrors

/// The files of an issuer without an identity provider, in one directory:
///
/// - `token-key.pem`: the private key, PKCS#8, mode 0600;
/// - `token-key.json`: the claims that all tokens of this key share (`issuer`, `audience`), so that no options are
///   needed to create one; its name is derived from the key's name;
/// - `jwks.json`: the public half, for the gateway's `jwks_file`.
public struct TokenKeyFiles: Sendable {
    public let key: String
    public let details: String
    public let keySet: String

    public init(directory: String) {
        let directory = URL(fileURLWithPath: directory, isDirectory: true)
        let key = directory.appendingPathComponent("token-key.pem").path
        self.init(key: key)
    }

    /// The files that belong to a private key.
    public init(key: String) {
        self.key = key
        let location = URL(fileURLWithPath: key)
        details = location.deletingPathExtension().appendingPathExtension("json").path
        keySet = location.deletingLastPathComponent().appendingPathComponent("jwks.json").path
    }

    private struct Details: Codable {
        var issuer: String
        var audience: String
    }

    public enum Failure: Error, CustomStringConvertible {
        case noDetails(path: String, reason: String)

        public var description: String {
            switch self {
            case .noDetails(let path, let reason):
                "cannot read issuer and audience from \(path) (\(reason)); set --issuer and --audience"
            }
        }
    }

    /// Writes all three files. Without `replacing`, nothing is changed if a key exists.
    public func write(_ mint: TokenMint, replacing: Bool) throws {
        try FileManager.default.createDirectory(
            at: URL(fileURLWithPath: key).deletingLastPathComponent(), withIntermediateDirectories: true)
        // The key first: its loss is the most serious, and if it cannot be written, the other files must stay
        // unchanged.
        try PrivateFile.write(Array(mint.key.pem.utf8), to: key, replacing: replacing)
        let details: JSONText = ["issuer": .string(mint.issuer), "audience": .string(mint.audience)]
        try PrivateFile.write(details.utf8 + [10], to: self.details, mode: 0o644, replacing: true)
        let keys = PublicJSONWebKey.keySet([mint.key.publicKey]) + "\n"
        try PrivateFile.write(Array(keys.utf8), to: keySet, mode: 0o644, replacing: true)
    }

    /// A mint for the key; `issuer` and `audience` override the stored ones.
    public func tokenMint(issuer: String? = nil, audience: String? = nil) throws -> TokenMint {
        let key = try SigningKey(pem: String(decoding: PrivateFile.read(key), as: UTF8.self))
        if let issuer, let audience { return TokenMint(key: key, issuer: issuer, audience: audience) }
        let details = try readDetails()
        return TokenMint(
            key: key, issuer: issuer ?? details.issuer, audience: audience ?? details.audience)
    }

    private func readDetails() throws -> Details {
        do {
            return try JSONDecoder().decode(
                Details.self, from: Data(contentsOf: URL(fileURLWithPath: details)))
        } catch {
            throw Failure.noDetails(path: details, reason: NetworkErrorText.of(error))
        }
    }
}
