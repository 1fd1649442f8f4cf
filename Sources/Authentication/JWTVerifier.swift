import AsyncHTTPClient
public import Logging
import NetworkErrors
import OutgoingTLS
public import SimpleAICore

public import struct Foundation.Date

/// Verifies access tokens that are signed JWTs (RFC 7519, RFC 8725, RFC 9068) against the keys of the configured issuers. The
/// token's `iss` selects the issuer, and the issuer's key determines the algorithm; nothing else in the token influences its
/// verification.
///
/// Keys are fetched only while `run()` is running. Until an issuer's keys have arrived, its tokens are rejected with
/// `TokenRejection.keysUnavailable`; tokens of other issuers are not affected. A token that the known keys do not verify waits
/// for a fetch, in case the issuer has published a new key.
public final class JWTVerifier: TokenVerifier {
    /// The state of the keys from one source; for readiness, metrics and the admin API.
    public struct IssuerState: Hashable, Sendable {
        public let issuer: String
        /// Number of usable keys; zero until the first fetch succeeds.
        public let keyCount: Int
        /// Time since keys were last fetched successfully, or a file was found unchanged; nil until then.
        public let age: Duration?
        /// Number of failed fetches since the start.
        public let failures: Int
        /// Why the last fetch failed; nil if it succeeded. For operators.
        public let lastError: String?
    }

    private struct Entry: Sendable {
        let configuration: IssuerConfiguration
        let issuer: IssuerTemplate
        let source: KeySource

        init(_ configuration: IssuerConfiguration, _ source: KeySource) {
            self.configuration = configuration
            issuer = IssuerTemplate(configuration.issuer.rawValue)
            self.source = source
        }
    }

    /// One per distinct key source, in the order of the settings.
    let sources: [KeySource]
    let cache: VerifiedTokenCache
    private let entries: [Entry]
    /// In seconds.
    private let leeway: Double
    private let limits: KeyFetchLimits
    private let logger: Logger
    private let wallClock: @Sendable () -> Date

    /// - Parameters:
    ///   - issuers: in the order of the settings.
    ///   - leeway: maximum difference between clocks, for `exp`, `nbf` and `iat`.
    ///   - maxCachedTokens: maximum number of verified tokens whose callers are cached.
    ///   - wallClock: the time that tokens are checked against.
    public convenience init(
        issuers: [IssuerConfiguration], leeway: Duration, logger: Logger, maxCachedTokens: Int = 10_000,
        wallClock: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.init(
            issuers: issuers, leeway: leeway, logger: logger, maxCachedTokens: maxCachedTokens,
            limits: KeyFetchLimits(), wallClock: wallClock)
    }

    init(
        issuers: [IssuerConfiguration], leeway: Duration, logger: Logger, maxCachedTokens: Int,
        limits: KeyFetchLimits, wallClock: @escaping @Sendable () -> Date
    ) {
        var sources: [KeySource] = []
        entries = issuers.map { issuer in
            let wanted = KeySource.Configuration(issuer)
            if let known = sources.first(where: { $0.configuration == wanted }) {
                return Entry(issuer, known)
            }
            let source = KeySource(wanted, limits: limits, logger: logger, wallClock: wallClock)
            sources.append(source)
            return Entry(issuer, source)
        }
        self.sources = sources
        cache = VerifiedTokenCache(capacity: maxCachedTokens)
        self.leeway = max(.zero, leeway) / .seconds(1)
        self.limits = limits
        self.logger = logger
        self.wallClock = wallClock
    }

    /// Fetches the keys of all issuers and keeps them current; returns when the task is cancelled. Must not run twice at the
    /// same time.
    public func run() async {
        do {
            try await HTTPClient.withHTTPClient(configuration: DocumentFetcher.clientConfiguration) { client in
                await withDiscardingTaskGroup { group in
                    for source in sources {
                        let tls = OutgoingTLS.configuration(authoritiesFile: source.configuration.authoritiesFile)
                        let fetcher = DocumentFetcher(client: client, limits: limits, tls: tls)
                        group.addTask { await source.run(fetcher: fetcher) }
                    }
                }
            }
        } catch {
            logger.warning(
                "Key client shutdown failed", metadata: ["cause": "\(NetworkErrorText.of(error))"])
        }
    }

    public var hasKeys: Bool { sources.contains { $0.keys != nil } }

    /// One state per distinct key source, in the order of the settings: entries that share their keys appear once.
    public var issuerStates: [IssuerState] {
        sources.map { source in
            let status = source.status
            let age = status.lastRefresh.map { Duration.seconds(max(0, wallClock().timeIntervalSince($0))) }
            return IssuerState(
                issuer: source.configuration.issuer.rawValue, keyCount: status.keys?.keys.count ?? 0, age: age,
                failures: status.fetchesFailed, lastError: status.lastError?.description)
        }
    }

    public func cachedCaller(for token: String, digest: inout TokenDigest?) -> Caller? {
        let known = digest ?? TokenDigest(of: token)
        digest = known
        return cache.caller(for: known, at: now)
    }

    public func caller(for token: String) async throws(TokenRejection) -> Caller {
        let parsed: CompactToken
        let claims: Claims
        do throws(TokenFault) {
            parsed = try CompactToken(token)
            claims = try Claims(json: parsed.payload)
        } catch {
            throw .invalid(reason: report(error, of: token, under: nil))
        }

        var mostSpecific: (fault: TokenFault, entry: Entry?) = (.unknownIssuer, nil)
        var retryAfter: Duration?
        for entry in entries where entry.issuer.matches(claims) {
            do throws(TokenFault) {
                try claims.check(against: entry.configuration, header: parsed.header, at: now, leeway: leeway)
                guard let key = try await verify(parsed, with: entry.source) else {
                    retryAfter = entry.source.retryAfter
                    continue
                }
                let caller = try claims.caller(under: entry.configuration)
                cache.remember(caller, for: token, until: claims.expiry + leeway, signedBy: key, at: now)
                return caller
            } catch {
                // Of several entries for one issuer, the one with the right audience states the actual reason.
                if [.unknownIssuer, .wrongTenant, .wrongAudience].contains(mostSpecific.fault) {
                    mostSpecific = (error, entry)
                }
            }
        }
        if let retryAfter { throw .keysUnavailable(retryAfter: retryAfter) }
        if mostSpecific.fault == .expired, let entry = mostSpecific.entry {
            throw rejection(of: parsed, token, under: entry)
        }
        throw .invalid(reason: report(mostSpecific.fault, of: token, under: mostSpecific.entry))
    }

    /// The key that signed the token; nil while the issuer's keys are unknown.
    private func verify(_ token: CompactToken, with source: KeySource) async throws(TokenFault) -> VerifyingKey? {
        guard let keys = source.keys else { return nil }
        do throws(TokenFault) {
            return try keys.verify(token)
        } catch {
            guard let search = KeySearch(after: error, of: token.header) else { throw error }
            // The issuer may have published a new key since.
            let found = await source.keys(searchingFor: search) { (try? $0.verify(token)) != nil }
            return try found?.verify(token)
        }
    }

    /// The rejection of a token that is valid except for its expiry. Only a valid signature proves that the token was valid
    /// before; no key is fetched to check it.
    private func rejection(of parsed: CompactToken, _ token: String, under entry: Entry) -> TokenRejection {
        do throws(TokenFault) {
            guard try entry.source.keys?.verify(parsed) != nil else {
                return .invalid(reason: report(.expired, of: token, under: entry))
            }
            return .expired(reason: report(.expired, of: token, under: entry))
        } catch {
            return .invalid(reason: report(error, of: token, under: entry))
        }
    }

    private func report(_ fault: TokenFault, of token: String, under entry: Entry?) -> String {
        FaultReport(
            fault: fault, token: token, configuration: entry?.configuration,
            knownIssuers: entries.map(\.configuration.issuer.rawValue), keys: entry?.source.keys, leeway: leeway,
            now: now
        ).text
    }

    private var now: Double { wallClock().timeIntervalSince1970 }
}
