import Crypto
import Foundation

/// A token stored from one run of the program to the next.
struct StoredToken: Codable, Hashable, Sendable {
    private let token: String
    /// Unix time, in seconds.
    private let obtained: Double
    private let expires: Double

    /// Returns nil for a token without a stated lifetime: it cannot be stored.
    init?(_ token: ProvidedToken) {
        guard let expires = token.expires else { return nil }
        self.token = token.text
        obtained = token.obtained.timeIntervalSince1970
        self.expires = expires.timeIntervalSince1970
    }

    /// Returns the token until 60 seconds before its expiry, or a tenth of its lifetime if that is less; nil after that. Also
    /// nil for a token from the future: the clock was set back since, so its expiry cannot be trusted.
    func token(at now: Date) -> ProvidedToken? {
        let margin = min(60, (expires - obtained) / 10)
        let seconds = now.timeIntervalSince1970
        guard obtained <= seconds, seconds < expires - margin else { return nil }
        return ProvidedToken(
            text: token, obtained: Date(timeIntervalSince1970: obtained),
            expires: Date(timeIntervalSince1970: expires))
    }
}

extension TokenSpecification {
    /// The name under which the token for this specification is stored. Does not depend on secrets: a file name must not help
    /// to guess them.
    var storageName: String {
        let user = if case .password(let username, _) = grant { username } else { "" }
        let kind =
            switch grant {
            case .clientCredentials: "client_credentials"
            case .password: "password"
            case .deviceCode: "device_code"
            }
        let lists = [names, scopes, resources].map { [String($0.count)] + $0 }
        let parts = [issuer, client.id, kind, user, wanted.rawValue, audience] + lists.joined()
        // Lengths distinguish ["ab", "c"] from ["a", "bc"].
        let text = parts.map { "\($0.utf8.count):\($0)" }.joined()
        return SHA256.hash(data: Data(text.utf8)).prefix(16).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }
}
