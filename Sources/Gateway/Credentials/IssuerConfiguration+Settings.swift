import Authentication
import Logging
import NIOSSL
import NetworkErrors
import OutgoingTLS
import Settings
import SimpleAICore

// The verifier is created from settings here: `Authentication` does not know the settings file.

extension JWTVerifier {
    /// - Throws: `GatewayStartError` for an unknown algorithm.
    convenience init(_ auth: Settings.Auth, logger: Logger) throws(GatewayStartError) {
        var issuers: [IssuerConfiguration] = []
        for issuer in auth.issuers { issuers.append(try IssuerConfiguration(issuer)) }
        self.init(issuers: issuers, leeway: auth.leeway, logger: logger)
    }
}

extension IssuerConfiguration {
    init(_ issuer: Settings.Issuer) throws(GatewayStartError) {
        let audience: Audience =
            switch issuer.audience {
            case .any: .any
            case .oneOf(let names): .oneOf(names)
            }
        self.init(issuer: IssuerID(issuer.issuer), audience: audience)
        keys =
            switch issuer.keys {
            case .discovery: .discovery
            case .url(let url): .url(url)
            case .file(let path): .file(path: path)
            }
        algorithms = []
        for name in issuer.algorithms {
            guard let algorithm = SignatureAlgorithm(name: name) else {
                throw GatewayStartError("issuer \(issuer.issuer): \"\(name)\" is not a supported algorithm")
            }
            algorithms.append(algorithm)
        }
        tenants = issuer.tenants
        keyTokenFile = issuer.jwksTokenFile
        tokenType = issuer.tokenType
        scopes = issuer.scopes
        authorizedParties = issuer.authorizedParties
        refreshInterval = issuer.refreshInterval
        refreshCooldown = issuer.refreshCooldown
        authoritiesFile = issuer.caFile
        try checkAuthorities()
        subjectClaims = issuer.subjectClaims.map { ClaimPath($0) }
        roleClaims = issuer.roleClaims.map { ClaimPath($0) }
        adminRole = issuer.adminRole
        specificRole = issuer.specificRole
    }
}

extension IssuerConfiguration {
    /// Checks the certificate authorities at start, so that the first fetch of keys does not fail because of them.
    /// - Throws: `GatewayStartError` if keys are fetched over TLS and the certificate authorities cannot be read.
    private func checkAuthorities() throws(GatewayStartError) {
        let address =
            switch keys {
            case .discovery: "\(issuer)"
            case .url(let url): url
            case .file: ""
            }
        guard address.lowercased().hasPrefix("https:") else { return }
        do {
            _ = try NIOSSLContext(configuration: OutgoingTLS.configuration(authoritiesFile: authoritiesFile))
        } catch {
            throw GatewayStartError(
                "issuer \(issuer): \(OutgoingTLS.source(of: authoritiesFile)) cannot be used: \(NetworkErrorText.of(error)); use a PEM file with "
                    + "the certificates of the trusted authorities", at: ["auth", "issuers"])
        }
    }
}

extension IssuerConfiguration.ClaimPath {
    init(_ path: Settings.ClaimPath) {
        self =
            switch path {
            case .dotted(let text): .dotted(text)
            case .keys(let keys): .keys(keys)
            case .memberNames(let object): .memberNames(Self(object))
            }
    }
}
