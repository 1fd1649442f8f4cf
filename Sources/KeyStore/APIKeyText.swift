import Crypto

/// A key as its owner holds it: `sk-simpleai-`, eight characters that name it, and 43 that are secret (256 bits).
///
/// The secret is random, not chosen by a person, so one SHA-256 is enough to store: there is nothing to guess.
public enum APIKeyText {
    /// By this a key is told from a JWT, and found by scanners for leaked secrets.
    public static let prefix = "sk-simpleai-"

    static let idLength = 8
    static let secretLength = 43
    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// Whether `credential` claims to be one of ours; nothing else about it is checked.
    public static func isKey(_ credential: String) -> Bool { credential.utf8.starts(with: prefix.utf8) }

    /// A new key; 43 characters of 62 carry 256 bits.
    static func make() -> (text: String, id: String) {
        var random = SystemRandomNumberGenerator()
        func characters(_ count: Int) -> String {
            String(
                decoding: (0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] },
                as: UTF8.self)
        }
        let id = characters(idLength)
        return (prefix + id + characters(secretLength), id)
    }

    /// The part that names a key; nil when `text` cannot be one.
    static func id(in text: String) -> String? {
        let bytes = text.utf8
        guard isKey(text), bytes.count == prefix.utf8.count + idLength + secretLength else { return nil }
        let rest = bytes.dropFirst(prefix.utf8.count)
        guard rest.allSatisfy({ alphabet.contains($0) }) else { return nil }
        return String(decoding: rest.prefix(idLength), as: UTF8.self)
    }

    /// Whether `bytes` can name a key.
    static func isID(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.count == idLength && bytes.allSatisfy { alphabet.contains($0) }
    }

    /// What is stored instead of the text.
    static func digest(of text: String) -> [UInt8] { Array(SHA256.hash(data: Array(text.utf8))) }

    /// Takes the same time wherever the two differ.
    static func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(0 as UInt8) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
