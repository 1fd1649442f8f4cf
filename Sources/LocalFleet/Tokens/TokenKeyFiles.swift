import Foundation
import NetworkErrors
import OperatingSystem

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

    private struct Details: Codable, Equatable {
        var issuer: String
        var audience: String

        init(_ mint: TokenMint) {
            issuer = mint.issuer
            audience = mint.audience
        }

        static func == (left: Details, right: Details) -> Bool {
            left.issuer.utf8.elementsEqual(right.issuer.utf8) && left.audience.utf8.elementsEqual(right.audience.utf8)
        }
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

    /// Writes all three files. Without `replacing`, nothing is changed if one of them exists.
    public func write(_ mint: TokenMint, replacing: Bool) throws {
        try makeFolder()
        if !replacing {
            for path in [key, details, keySet] where Self.exists(path) { throw PrivateFile.Failure.exists(path: path) }
        }
        // The key first: its loss is the most serious, and if it cannot be written, the other files must stay
        // unchanged.
        try PrivateFile.write(Array(mint.key.pem.utf8), to: key, replacing: replacing)
        try PrivateFile.write(detailsText(mint), to: details, mode: 0o644, replacing: true)
        try PrivateFile.write(keySetText(mint), to: keySet, mode: 0o644, replacing: true)
    }

    /// What `complete` has done.
    public struct Completion: Hashable, Sendable {
        public var madeKey = false
        /// The copies of files of another key, which were replaced.
        public var copies: [String] = []
    }

    /// Makes the three files those of `mint`. A key that exists stays; the two other files are written if they are missing, or
    /// belong to another key, of which a copy named `FILE.SUFFIX` is kept.
    /// - Parameter mint: that of ``existingMint(issuer:audience:)``, or a new one if there is none.
    public func complete(_ mint: TokenMint, copySuffix: String) throws -> Completion {
        try makeFolder()
        var completion = Completion()
        if !Self.exists(key) {
            try PrivateFile.write(Array(mint.key.pem.utf8), to: key, replacing: false)
            completion.madeKey = true
        }
        if !belongs(details, { (try? JSONDecoder().decode(Details.self, from: Data($0))) == Details(mint) }) {
            if let copy = try keepCopy(details, copySuffix) { completion.copies.append(copy) }
            try PrivateFile.write(detailsText(mint), to: details, mode: 0o644, replacing: true)
        }
        if !belongs(keySet, { mint.key.publicKey.isContained(in: $0) }) {
            if let copy = try keepCopy(keySet, copySuffix) { completion.copies.append(copy) }
            try PrivateFile.write(keySetText(mint), to: keySet, mode: 0o644, replacing: true)
        }
        return completion
    }

    /// The mint of the key that exists; nil if there is none.
    /// - Parameters:
    ///   - issuer: if the file with issuer and audience is missing, as after a crash between the key and that file.
    ///   - audience: likewise.
    public func existingMint(issuer: String, audience: String) throws -> TokenMint? {
        guard Self.exists(key) else { return nil }
        return Self.exists(details) ? try tokenMint() : try tokenMint(issuer: issuer, audience: audience)
    }

    private static let maxSize = 1 << 20

    /// Other users may read the key set, and enter the folder for it, whatever the umask; the key itself is private.
    private func makeFolder() throws {
        let folder = URL(fileURLWithPath: key).deletingLastPathComponent().path
        do throws(SystemError) {
            try StoredFolder(path: folder).create(mode: 0o755)
        } catch {
            throw PrivateFile.Failure.system(action: "create", path: folder, reason: error.description)
        }
        for path in [key, details, keySet] { StoredFile(path: path).removeAbandonedDrafts() }
    }

    /// Dangling links count, too: they are no free names.
    private static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    private func belongs(_ path: String, _ test: ([UInt8]) -> Bool) -> Bool {
        guard let bytes = try? StoredFile(path: path).read(atMost: Self.maxSize) else { return false }
        return test(bytes)
    }

    private func keepCopy(_ path: String, _ suffix: String) throws -> String? {
        do throws(StoredFile.Failure) {
            return try StoredFile(path: path).keepCopy(suffix: suffix, atMost: Self.maxSize)
        } catch {
            throw PrivateFile.Failure.system(action: "copy", path: path, reason: error.description)
        }
    }

    private func detailsText(_ mint: TokenMint) -> [UInt8] {
        let details: JSONText = ["issuer": .string(mint.issuer), "audience": .string(mint.audience)]
        return details.utf8 + [10]
    }

    private func keySetText(_ mint: TokenMint) -> [UInt8] {
        Array((PublicJSONWebKey.keySet([mint.key.publicKey]) + "\n").utf8)
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
