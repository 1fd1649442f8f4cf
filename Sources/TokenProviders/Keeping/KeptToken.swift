import Crypto
import Foundation

/// A token between two calls of the program, and whether it may still be used.
struct KeptToken: Codable, Hashable, Sendable {
    private let token: String
    /// Seconds since 1970.
    private let obtained: Double
    private let expires: Double

    /// Nil for a token that does not say how long it is good: it cannot be kept.
    init?(_ token: ProvidedToken) {
        guard let expires = token.expires else { return nil }
        self.token = token.text
        obtained = token.obtained.timeIntervalSince1970
        self.expires = expires.timeIntervalSince1970
    }

    /// The token until 60 seconds, or a tenth of its lifetime if that is less, before its end; nil after that. A token
    /// from the future is one of a clock that was set back: its end is not to be trusted.
    func token(at now: Date) -> ProvidedToken? {
        let margin = min(60, (expires - obtained) / 10)
        let seconds = now.timeIntervalSince1970
        guard obtained <= seconds, seconds < expires - margin else { return nil }
        return ProvidedToken(
            text: token, obtained: Date(timeIntervalSince1970: obtained),
            expires: Date(timeIntervalSince1970: expires))
    }
}

extension TokenOrder {
    /// Under which name the token of this order is kept. Without secrets: names of files are no place for anything that
    /// could be guessed from them.
    var keepingName: String {
        let user = if case .password(let username, _) = grant { username } else { "" }
        let kind =
            switch grant {
            case .clientCredentials: "client_credentials"
            case .password: "password"
            case .deviceCode: "device_code"
            }
        let lists = [names, scopes, resources].map { [String($0.count)] + $0 }
        let parts = [issuer, client.id, kind, user, wanted.rawValue, audience] + lists.joined()
        // Lengths keep ["ab", "c"] and ["a", "bc"] apart.
        let text = parts.map { "\($0.utf8.count):\($0)" }.joined()
        return SHA256.hash(data: Data(text.utf8)).prefix(16).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }
}
