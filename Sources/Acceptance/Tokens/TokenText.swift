import Foundation

/// Reads and changes tokens without a key, to explain failures and to forge tokens. No verdict depends on it.
enum TokenText {
    /// The token without surrounding white space or a leading `Bearer `.
    static func checked(_ token: String, origin: String) throws(TokenProblem) -> String {
        var text = token.trimmingCharacters(in: .whitespacesAndNewlines)
        if text.lowercased().hasPrefix("bearer ") {
            text = text.dropFirst(7).trimmingCharacters(in: .whitespacesAndNewlines)
        }
        guard !text.isEmpty else { throw TokenProblem("the token from \(origin) is empty") }
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw TokenProblem("the token from \(origin) contains whitespace or control characters")
        }
        return text
    }

    /// Whether the token has three base64url parts, the first a JSON object that names an algorithm.
    static func isJWT(_ token: String) -> Bool {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }) else { return false }
        return decoded(parts[0])?["alg"]?.string != nil && decoded(parts[1]) != nil && bytes(parts[2]) != nil
    }

    static func claims(of token: String) -> JSONValue? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 3 ? decoded(parts[1]) : nil
    }

    /// Whether the claims contain `iss` exactly once: parsers disagree on which of two applies.
    static func hasOneIssuer(_ token: String) -> Bool {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let claims = bytes(parts[1]) else { return false }
        return String(decoding: claims, as: UTF8.self).ranges(of: "\"iss\"").count == 1
    }

    static func hasExpired(_ token: String) -> Bool { expiry(of: token).map { $0 <= Date() } ?? false }

    static func expiresSoon(_ token: String) -> Bool {
        expiry(of: token).map { $0 <= Date(timeIntervalSinceNow: 10) } ?? false
    }

    /// The token with one character in the middle of its signature changed, where every bit is significant (the last
    /// character may carry unused bits).
    static func withBrokenSignature(_ token: String) -> String? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[2].count >= 8 else { return nil }
        var signature = Array(parts[2])
        let middle = signature.count / 2
        signature[middle] = signature[middle] == "A" ? "B" : "A"
        return "\(parts[0]).\(parts[1]).\(String(signature))"
    }

    /// Header and claims only: the token with its signature removed.
    static func withoutSignature(_ token: String) -> String? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 3 ? "\(parts[0]).\(parts[1])." : nil
    }

    /// The same header and signature around claims with an additional one: accepted only by a verifier that remembers
    /// the signature and does not verify it again.
    static func withChangedClaims(_ token: String) -> String? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let claims = bytes(parts[1]), claims.first == UInt8(ascii: "{"),
            decoded(parts[1]) != nil
        else { return nil }
        let separator = decoded(parts[1])?.object?.isEmpty == true ? "" : ","
        let changed = Data(#"{"acceptance_suite":true\#(separator)"#.utf8) + Data(claims.dropFirst())
        return "\(parts[0]).\(encoded(changed)).\(parts[2])"
    }

    /// The same claims with a header that requires no signature (RFC 8725 §2.1).
    static func withAlgorithmNone(_ token: String) -> String? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        let header = encoded(Data(#"{"alg":"none","typ":"JWT"}"#.utf8))
        return "\(header).\(parts[1])."
    }

    private static func expiry(of token: String) -> Date? {
        claims(of: token)?["exp"]?.number.map { Date(timeIntervalSince1970: $0) }
    }

    private static func decoded(_ part: Substring) -> JSONValue? {
        guard let bytes = bytes(part), let json = JSONValue(parsing: bytes), json.object != nil else { return nil }
        return json
    }

    private static func encoded(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    private static func bytes(_ part: Substring) -> [UInt8]? {
        var text = String(part).replacing("-", with: "+").replacing("_", with: "/")
        text += String(repeating: "=", count: (4 - text.count % 4) % 4)
        return Data(base64Encoded: text).map { Array($0) }
    }
}
