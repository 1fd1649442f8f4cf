import SimpleAICore

/// The claims of a token (RFC 7519 §4.1), typed. Times are Unix times in seconds, with fractions.
struct Claims: Sendable {
    let issuer: IssuerID
    let expiry: Double
    let notBefore: Double?
    let issuedAt: Double?
    let audiences: [String]
    /// From `scope` (RFC 8693 §4.2) and `scp`.
    let scopes: Set<ExactString>
    /// `tid` of Entra ID; nil if it is missing or not a string.
    let tenant: String?
    /// All claims, from which the subject and roles are read by path.
    let members: [ExactString: JSONValue]

    /// In bytes; OpenID Connect Core 1.0 §2 allows 255, and some providers write distinguished names.
    private static let maxSubject = 1_024

    /// Larger numbers are not times; a `Double` does not represent every whole second above this one.
    private static let latestTime = 9_007_199_254_740_992.0

    init(json: [UInt8]) throws(TokenFault) {
        do throws(JSONFault) {
            guard case .object(let object) = try StrictJSONParser.value(of: json) else { throw .malformed }
            members = object
        } catch {
            throw error == .duplicateMember ? .duplicateClaim : .malformedClaims
        }
        guard let issuer = members["iss"]?.string else { throw .missingIssuer }
        guard let expiry = try Self.time(members["exp"], otherwise: .missingExpiry) else { throw .missingExpiry }
        self.issuer = IssuerID(issuer)
        tenant = members["tid"]?.string
        self.expiry = expiry
        notBefore = try Self.time(members["nbf"], otherwise: .malformedClaims)
        issuedAt = try Self.time(members["iat"], otherwise: .malformedClaims)
        audiences = try Self.oneOrMore(members["aud"])
        scopes = Set([members["scope"], members["scp"]].flatMap(Self.words).map { ExactString($0) })
    }

    /// Verifies that the token, provided its signature is valid, is for this gateway and this time.
    /// - Throws: `expired` only for a token without any other fault.
    func check(
        against configuration: IssuerConfiguration, header: JOSEHeader, at now: Double, leeway: Double
    ) throws(TokenFault) {
        if IssuerTemplate(configuration.issuer.rawValue).hasPlaceholder {
            guard let tenant, configuration.tenants.contains(where: { $0.isExactly(tenant) }) else {
                throw .wrongTenant
            }
        }
        _ = try subject(at: configuration.subjectClaims)
        if let notBefore, now + leeway < notBefore { throw .notYetValid }
        if let issuedAt, now + leeway < issuedAt { throw .issuedInFuture }
        if case .oneOf(let accepted) = configuration.audience {
            guard audiences.contains(where: { audience in accepted.contains { $0.isExactly(audience) } }) else {
                throw .wrongAudience
            }
        }
        if !configuration.tokenType.isEmpty {
            guard header.type?.isExactly(JOSEHeader.normalizedType(configuration.tokenType)) ?? false else {
                throw .wrongType
            }
        }
        guard scopes.isSuperset(of: configuration.scopes.map { ExactString($0) }) else { throw .missingScope }
        try checkParty(among: configuration.authorizedParties)
        guard now < expiry + leeway else { throw .expired }
    }

    /// The subject, from the first claim present: if that claim is not a string, or empty, no other replaces it.
    func subject(at paths: [IssuerConfiguration.ClaimPath]) throws(TokenFault) -> SubjectID {
        for path in paths {
            guard let value = value(at: path) else { continue }
            guard let subject = value.string, !subject.isEmpty else { break }
            guard NameFault(in: subject, maxLength: Self.maxSubject) == nil else { throw .unusableSubject }
            return SubjectID(subject)
        }
        throw .missingSubject
    }

    /// Claims that name the application to which a token was issued; the first one present counts.
    private static let partyClaims: [ExactString] = ["azp", "client_id", "appid", "cid"]

    static func party(in members: [ExactString: JSONValue]) -> JSONValue? {
        partyClaims.lazy.compactMap { members[$0] }.first { $0 != .null }
    }

    private func checkParty(among accepted: [String]) throws(TokenFault) {
        if accepted.isEmpty { return }
        guard let party = Self.party(in: members)?.string,
            accepted.contains(where: { $0.isExactly(party) })
        else { throw .wrongParty }
    }

    private static func time(_ value: JSONValue?, otherwise fault: TokenFault) throws(TokenFault) -> Double? {
        guard let value, value != .null else { return nil }
        guard let seconds = value.number, abs(seconds) <= latestTime else { throw fault }
        return seconds
    }

    private static func oneOrMore(_ value: JSONValue?) throws(TokenFault) -> [String] {
        guard let value, value != .null else { return [] }
        if let one = value.string { return [one] }
        guard let several = value.strings else { throw .malformedClaims }
        return several
    }
}
