import Authentication
import KeyStore
import Logging
import NIOSSL
import NetworkErrors
import OutgoingTLS
import Settings
import SimpleAICore

// Creates the gateway's parts from the settings, which the lower targets do not depend on.

extension ClassTable {
    init(_ settings: Settings) {
        self.init(
            settings.classes.map {
                ModelClass(
                    name: $0.name, models: $0.models,
                    preferredMachineTypes: (settings.routing.prefer[$0.name] ?? []).map { MachineType($0) },
                    speculativeWakes: (settings.routing.speculativeWake[$0.name] ?? []).map { ExactString($0) },
                    policy: PlacementPolicy(settings.routing.policies[$0.name] ?? settings.routing.policy))
            },
            defaultClass: settings.defaultClass)
    }
}

extension CallState.Limits {
    init(_ routing: Settings.Routing) {
        let afterSend: CallState.AfterSend =
            switch routing.afterSend {
            case .staleOnly: .staleOnly
            case .never: .never
            case .always: .always
            }
        self.init(moves: routing.failoverAttempts, afterSend: afterSend)
    }
}

extension PlacementPolicy {
    init(_ policy: Settings.Policy) {
        self =
            switch policy {
            case .leastBusy: .leastBusy
            case .roundRobin: .roundRobin
            case .prefixAffinity: .prefixAffinity
            }
    }
}

extension Runner {
    init(_ runner: Settings.StaticRunner) {
        self.init(
            id: runner.id, slots: runner.slots, weight: runner.weight, machineType: MachineType(runner.machineType),
            canBeWoken: runner.wake != nil, statedModels: runner.models,
            aliases: runner.aliases.mapValues { EngineModelID($0) })
    }
}

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

extension PrivilegedRoles {
    /// The privileged roles of all issuers; without an issuer, the privileged roles of API keys.
    init(_ settings: Settings.Auth) {
        guard !settings.issuers.isEmpty else {
            self.init(administration: [KeyStore.adminRole], specificModels: [KeyStore.specificRole])
            return
        }
        self.init(
            administration: Set(settings.issuers.map(\.adminRole)),
            specificModels: Set(settings.issuers.map(\.specificRole)))
    }
}
