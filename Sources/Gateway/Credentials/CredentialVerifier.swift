import SimpleAICore
import Storage

/// Finds the caller of a bearer credential: API keys are looked up here, everything else is verified as an issuer's
/// token.
struct CredentialVerifier: TokenVerifier {
    let tokens: any TokenVerifier
    let keys: KeyStore

    func cachedCaller(for credential: String, digest: inout TokenDigest?) -> Caller? {
        APIKeyText.isKey(credential)
            ? keys.caller(for: credential) : tokens.cachedCaller(for: credential, digest: &digest)
    }

    func caller(for credential: String) async throws(TokenRejection) -> Caller {
        guard APIKeyText.isKey(credential) else { return try await tokens.caller(for: credential) }
        guard let caller = keys.caller(for: credential) else {
            throw .apiKey(keys.fault(of: credential))
        }
        return caller
    }

    /// API keys are always known; readiness depends on the issuers' keys.
    var hasKeys: Bool { tokens.hasKeys }
}

extension KeyStore {
    /// - Parameter stateFile: revocations are written next to this file if they can be written neither to the database
    ///   nor to its folder; it may be on another disk.
    /// - Throws: `GatewayStartError` if the database exists and cannot be used.
    convenience init(database path: String, stateFile: String) throws(GatewayStartError) {
        do throws(KeyStoreError) {
            try self.init(
                path: path, revocationPaths: [stateFile + ".revocations"], caller: Self.caller(of:))
        } catch {
            throw GatewayStartError("\(error)")
        }
    }

    /// The caller of requests with this key. The role `model:specific` grants requests by model id; no key grants the
    /// rights of an administrator.
    static func caller(of key: APIKey) -> Caller {
        Caller(
            subject: SubjectID("key:\(key.id)"), issuer: "", roles: key.roles,
            privileges: key.roles.contains(APIKeyRoles.specificModels) ? [.specificModels] : [], classes: key.classes)
    }
}

extension RunnerTokenStore {
    /// The runners' tokens, next to the state file. Blocks.
    convenience init(stateFile: String) throws(GatewayStartError) {
        do throws(RunnerTokenStoreError) {
            try self.init(path: Self.path(stateFile: stateFile))
        } catch {
            throw GatewayStartError("\(error)", at: ["fleet", "state_file"])
        }
    }
}
