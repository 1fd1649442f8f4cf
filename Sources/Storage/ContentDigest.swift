import Crypto

/// The digest by which a backup verifies its files.
public enum ContentDigest {
    /// SHA-256 in hexadecimal.
    public static func sha256(_ bytes: [UInt8]) -> String {
        SHA256.hash(data: bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
