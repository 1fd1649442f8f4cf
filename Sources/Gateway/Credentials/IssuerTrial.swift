import Authentication
import Logging
public import Settings
public import SimpleAICore

/// What a gateway with certain settings would make of an issuer's keys and tokens, without a gateway that runs.
public enum IssuerTrial {
    public enum Keys: Hashable, Sendable {
        case usable(Int)
        case unusable(count: Int, reason: String)
        /// The file is not a key set; the reason is a clause.
        case malformed(String)
    }

    public enum Verdict: Hashable, Sendable {
        /// The token is accepted, and grants administration or not.
        case accepted(isAdministrator: Bool)
        case refused(reason: String)
        /// The key sets cannot be used.
        case keysUnavailable
    }

    /// - Throws: `GatewayStartError` if the issuer's settings cannot be used.
    public static func keys(
        in document: [UInt8], of issuer: Settings.Issuer
    ) throws(GatewayStartError) -> Keys {
        switch KeySetReport(document, for: try IssuerConfiguration(issuer)) {
        case .usable(let count): .usable(count)
        case .unusable(let count, let reason): .unusable(count: count, reason: reason)
        case .malformed(let reason): .malformed(reason)
        }
    }

    /// Verifies a token against the issuers that have their keys in files.
    /// - Throws: `GatewayStartError` if the settings cannot be used.
    public static func verdict(on token: String, under auth: Settings.Auth) async throws(GatewayStartError) -> Verdict {
        var auth = auth
        auth.issuers.removeAll { if case .file = $0.keys { false } else { true } }
        let verifier = try JWTVerifier(auth, logger: Logger(label: "trial") { _ in SwiftLogNoOpLogHandler() })
        do throws(TokenRejection) {
            let caller = try await verifier.callerAfterFetch(for: token)
            return .accepted(isAdministrator: caller.isAdmin)
        } catch {
            switch error {
            case .invalid(let reason), .expired(let reason): return .refused(reason: reason)
            case .keysUnavailable: return .keysUnavailable
            case .apiKey: return .refused(reason: "it has the form of an API key")
            }
        }
    }
}
