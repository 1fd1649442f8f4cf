import Foundation
import LocalFleet
import OperatingSystem
import Settings
import TokenProviders

/// Tokens from the identity provider that `simpleai-tokens.yaml` configures.
struct ProviderTokens {
    private let settings: TokenProviderSettings

    /// The token provider file: the value of SIMPLEAI_TOKEN_PROVIDER, otherwise `./simpleai-tokens.yaml`.
    static func path(environment: [String: String]) -> String? {
        if let named = environment["SIMPLEAI_TOKEN_PROVIDER"], !named.isEmpty { return named }
        let path = TokenProviderFile.defaultPath
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }

    init(path: String, environment: [String: String]) throws(SettingsError) {
        settings = try TokenProviderFile.load(path: path, environment: environment)
    }

    func token(user: String?, roles: [String], usesCache: Bool) async throws -> String {
        let specification = TokenSpecification(
            try settings.selection(user: user, roles: roles), of: settings, user: user, roles: roles)
        let provider = TokenProvider(specification, prompt: Self.show)
        let token: ProvidedToken
        if usesCache, let folder = StoredTokenFolder(environment: ProcessInfo.processInfo.environment) {
            token = try await TokenStore(store: folder, warn: Self.warn)
                .token(for: specification) { () async throws(TokenProviderProblem) in try await provider.token() }
        } else {
            token = try await provider.token()
        }
        if !token.isJWT {
            Self.warn(
                "this \(settings.token.rawValue) is not a JWT: only its provider can verify it, not the gateway. "
                    + "Try another client, scope or audience, or token: id_token")
        }
        return token.text
    }

    private static func show(_ prompt: DevicePrompt) {
        var text = "To sign in, open \(prompt.address) and enter the code \(prompt.userCode)\n"
        if let complete = prompt.completeAddress { text += "or open \(complete)\n" }
        StandardStream.error.write(text)
    }

    private static func warn(_ text: String) {
        StandardStream.error.write("warning: \(text)\n")
    }
}

/// `$XDG_CACHE_HOME/simpleai`, otherwise `~/.cache/simpleai`: one file of mode 0600 for each stored token.
private struct StoredTokenFolder: PrivateStore {
    private let folder: URL

    /// Returns nil if the environment has neither directory.
    init?(environment: [String: String]) {
        // The XDG specification ignores relative paths.
        if let caches = environment["XDG_CACHE_HOME"], caches.hasPrefix("/") {
            folder = URL(fileURLWithPath: caches).appending(path: "simpleai")
        } else if let home = environment["HOME"], home.hasPrefix("/") {
            folder = URL(fileURLWithPath: home).appending(path: ".cache/simpleai")
        } else {
            return nil
        }
    }

    func read(_ name: String) throws -> [UInt8]? {
        let path = path(name)
        return FileManager.default.fileExists(atPath: path) ? try PrivateFile.read(path) : nil
    }

    func write(_ bytes: [UInt8], _ name: String) throws {
        // The mode that the XDG specification demands, for ~/.cache, too, if that is missing.
        try StoredFolder(path: folder.path).create(mode: 0o700, parentMode: 0o700)
        try PrivateFile.write(bytes, to: path(name), replacing: true)
    }

    private func path(_ name: String) -> String { folder.appending(path: "token-\(name).json").path }
}

extension TokenSpecification {
    fileprivate init(
        _ selection: TokenProviderSettings.Selection, of settings: TokenProviderSettings, user: String?, roles: [String]
    ) {
        let grant: Grant =
            switch (selection.grant, selection.credentials) {
            case (.password, let credentials?):
                .password(username: credentials.username, password: credentials.password)
            case (.deviceCode, _): .deviceCode
            case (.clientCredentials, _), (.password, nil): .clientCredentials
            }
        let authentication: OAuthClient.Authentication? =
            switch selection.client.authentication {
            case .basic: .basic
            case .post: .post
            case TokenProviderSettings.ClientAuthentication.none?: OAuthClient.Authentication.none
            case nil: nil
            }
        self.init(
            issuer: settings.issuer,
            client: OAuthClient(
                id: selection.client.id, secret: selection.client.secret, authentication: authentication),
            grant: grant)
        wanted = settings.token == .idToken ? .idToken : .accessToken
        scopes = selection.scopes
        audience = selection.audience
        resources = selection.resources
        allowsInsecure = settings.allowsInsecure
        authoritiesFile = settings.caFile
        timeout = settings.timeout
        names = (user.map { ["user=\($0)"] } ?? []) + roles.sorted().map { "role=\($0)" }
    }
}
