import Crypto

/// The text of an API key: `sk-simpleai-`, eight characters that identify the key, and 43 secret ones (256 bits).
///
/// The secret is random, not chosen by a person, so storing a single SHA-256 is safe: it cannot be guessed.
public enum APIKeyText {
    /// Distinguishes an API key from a JWT, and lets scanners find leaked keys.
    public static let prefix = "sk-simpleai-"

    static let idLength = 8
    static let secretLength = 43
    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// Whether `credential` begins like an API key; nothing else is verified.
    public static func isKey(_ credential: String) -> Bool { credential.utf8.starts(with: prefix.utf8) }

    /// Creates a key; 43 characters out of 62 carry 256 bits.
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

    /// The id in the text of a key; nil if `text` cannot be a key.
    static func id(in text: String) -> String? {
        let bytes = text.utf8
        guard isKey(text), bytes.count == prefix.utf8.count + idLength + secretLength else { return nil }
        let rest = bytes.dropFirst(prefix.utf8.count)
        guard rest.allSatisfy({ alphabet.contains($0) }) else { return nil }
        return String(decoding: rest.prefix(idLength), as: UTF8.self)
    }

    /// Whether `bytes` have the form of a key's id.
    static func isID(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.count == idLength && bytes.allSatisfy { alphabet.contains($0) }
    }

    /// The digest that is stored instead of the text.
    static func digest(of text: String) -> [UInt8] { Array(SHA256.hash(data: Array(text.utf8))) }

    /// Compares in constant time.
    static func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(0 as UInt8) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
