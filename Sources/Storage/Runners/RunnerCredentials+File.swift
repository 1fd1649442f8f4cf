import Foundation
import SimpleAICore

extension RunnerCredentials {
    /// The form of the file. Digests are hexadecimal.
    private struct Document: Codable {
        struct Invitation: Codable {
            var id: String
            var digest: String
            var expires: Int64
            var address: String?
            var used: Int64?
        }

        struct Token: Codable {
            var id: String
            var digest: String
            var created: Int64
        }

        var version: Int
        var invitations: [Invitation]
        var tokens: [Token]
    }

    private static let version = 1

    /// - Throws: a description of the first fault. A damaged file is refused as a whole: without its tokens, a shared token
    ///   could register their ids.
    init(reading bytes: [UInt8]) throws(RunnerTokenStoreError.Fault) {
        let document: Document
        do {
            document = try JSONDecoder().decode(Document.self, from: Data(bytes))
        } catch {
            throw .malformed
        }
        guard document.version == Self.version else { throw .newer }
        guard document.invitations.count <= Self.limit, document.tokens.count <= Self.limit else { throw .malformed }
        for entry in document.invitations {
            guard let digest = Self.bytes(entry.digest) else { throw .malformed }
            invitations[RunnerID(entry.id)] = Invitation(
                digest: digest, expiry: entry.expires, address: entry.address, usedAt: entry.used)
        }
        for entry in document.tokens {
            guard let digest = Self.bytes(entry.digest) else { throw .malformed }
            ownTokens[RunnerID(entry.id)] = OwnToken(digest: digest, createdAt: entry.created)
        }
    }

    /// The same content gives the same bytes.
    func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        let document = Document(
            version: Self.version,
            invitations: invitations.sorted { $0.key < $1.key }.map { id, invitation in
                .init(
                    id: id.rawValue, digest: Self.text(invitation.digest), expires: invitation.expiry,
                    address: invitation.address, used: invitation.usedAt)
            },
            tokens: ownTokens.sorted { $0.key < $1.key }.map { id, token in
                .init(id: id.rawValue, digest: Self.text(token.digest), created: token.createdAt)
            })
        return Array(try encoder.encode(document)) + [UInt8(ascii: "\n")]
    }

    private static func text(_ digest: [UInt8]) -> String {
        digest.map { (byte: UInt8) -> String in
            let text = String(byte, radix: 16)
            return byte < 16 ? "0\(text)" : text
        }.joined()
    }

    private static func bytes(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count == 64 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: 64, by: 2) {
            guard let byte = UInt8(String(decoding: digits[index...(index + 1)], as: UTF8.self), radix: 16),
                digits[index] != UInt8(ascii: "+")
            else { return nil }
            bytes.append(byte)
        }
        return bytes
    }
}
