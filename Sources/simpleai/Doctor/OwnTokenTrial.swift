import Foundation
import Gateway
import Installation
import LocalFleet
import Settings
import SimpleAICore

/// Makes a token with each private key that lies beside a key set of the settings, and verifies it as the gateway does.
struct OwnTokenTrial {
    let auth: Settings.Auth
    let absolute: (String) -> String

    /// None for keys that this user cannot read.
    func run() async -> [SystemDescription.OwnToken] {
        guard auth.mode != .none else { return [] }
        var auth = auth
        for index in auth.issuers.indices {
            if case .file(let path) = auth.issuers[index].keys {
                auth.issuers[index].keys = .file(path: absolute(path))
            }
        }
        var tokens: [SystemDescription.OwnToken] = []
        for issuer in auth.issuers {
            guard case .file(let keySet) = issuer.keys else { continue }
            let files = TokenKeyFiles(directory: (keySet as NSString).deletingLastPathComponent)
            guard FileManager.default.fileExists(atPath: files.key), let outcome = await outcome(files, issuer, auth)
            else {
                continue
            }
            let audience = if case .oneOf(let names) = issuer.audience { names.first } else { String?.none }
            tokens.append(
                .init(key: files.key, issuer: issuer.issuer, audience: audience ?? "simpleai", outcome: outcome))
        }
        return tokens
    }

    private func outcome(
        _ files: TokenKeyFiles, _ issuer: Settings.Issuer, _ auth: Settings.Auth
    ) async -> SystemDescription.OwnToken.Outcome? {
        let token: String
        do {
            let mint = try files.tokenMint()
            token = try mint.token(user: "doctor", roles: [issuer.adminRole], lifetime: .seconds(60))
        } catch is PrivateFile.Failure {
            // Of another user, or readable by others: the checks of files report it.
            return nil
        } catch {
            return .unusable(OperatorText.of(error))
        }
        do throws(GatewayStartError) {
            switch try await IssuerTrial.verdict(on: token, under: auth) {
            case .accepted(let isAdministrator): return isAdministrator ? .accepted : .withoutAdministration
            case .refused(let reason): return .refused(reason)
            // The checks of issuers report them.
            case .keysUnavailable: return nil
            }
        } catch {
            return nil
        }
    }
}
