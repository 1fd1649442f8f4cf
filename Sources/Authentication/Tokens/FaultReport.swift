import SimpleAICore

/// The reason for a refusal, for the operator's log: the fault, the value found and the value expected. Values come from
/// unverified tokens, so they are quoted and truncated.
struct FaultReport {
    let fault: TokenFault
    let token: String
    /// The settings of the token's issuer; nil if verification did not reach them.
    let configuration: IssuerConfiguration?
    let knownIssuers: [String]
    let keys: KeySet?
    /// In seconds.
    let leeway: Double
    let now: Double

    var text: String {
        let details = detail(of: UnverifiedClaims(token: token))
        return details.isEmpty ? fault.rawValue : "\(fault.rawValue): \(details)"
    }

    private func detail(of stated: UnverifiedClaims) -> String {
        switch fault {
        case .tooLarge: return "\(token.utf8.count) bytes"
        case .unsupportedAlgorithm: return found(stated.header["alg"], SignatureAlgorithm.allCases.map(\.rawValue))
        case .criticalHeader: return found(stated.header["crit"], nil)
        case .compressed: return found(stated.header["zip"] ?? stated.header["enc"], nil)
        case .wrongType: return found(stated.header["typ"], configuration.map { [$0.tokenType] })
        case .missingIssuer, .unknownIssuer: return found(stated.claims["iss"], knownIssuers)
        case .missingSubject: return "found none in \(subjectClaims)"
        case .unusableSubject: return "found in \(subjectClaims)"
        case .missingExpiry: return found(stated.claims["exp"], nil)
        case .expired: return found(stated.claims["exp"], nil) + time
        case .notYetValid: return found(stated.claims["nbf"], nil) + time
        case .issuedInFuture: return found(stated.claims["iat"], nil) + time
        case .wrongTenant: return found(stated.claims["tid"], configuration?.tenants)
        case .wrongAudience: return found(stated.claims["aud"], audiences)
        case .missingScope: return found(stated.claims["scope"] ?? stated.claims["scp"], configuration?.scopes)
        case .wrongParty:
            return found(Claims.party(in: stated.claims), configuration?.authorizedParties)
        case .unknownKey: return found(stated.header["kid"], keys?.keys.compactMap(\.id))
        case .foreignKey: return found(stated.claims["iss"], issuers(of: stated.header["kid"]?.string))
        case .noFittingKey, .ambiguousKey: return found(stated.header["alg"], keys?.keys.map(\.algorithm.rawValue))
        case .algorithmMismatch: return found(stated.header["alg"], algorithms(of: stated.header["kid"]?.string))
        case .badSignature:
            return "found the key id \(LoggableValue(stated.header["kid"] ?? .null)) and the algorithm "
                + "\(LoggableValue(stated.header["alg"] ?? .null))\(issuer(in: stated))"
        case .notCompact, .encrypted, .malformedEncoding, .malformedHeader, .duplicateHeader, .detachedPayload,
            .malformedClaims, .duplicateClaim:
            return ""
        }
    }

    private func found(_ value: JSONValue?, _ expected: [String]?) -> String {
        let found = value.map { "found \(LoggableValue($0))" } ?? "found none"
        guard let expected else { return found }
        let shown = expected.prefix(8).map { LoggableValue($0).description }.joined(separator: ", ")
        return "\(found), expected \(shown.isEmpty ? "none" : shown)\(expected.count > 8 ? ", …" : "")"
    }

    private func issuer(in stated: UnverifiedClaims) -> String {
        ", in a token of the issuer \(LoggableValue(stated.claims["iss"] ?? .null))"
    }

    private var time: String { ", at \(Int64(now)) with a leeway of \(Int64(leeway)) s" }

    private var audiences: [String]? {
        if case .oneOf(let audiences)? = configuration?.audience { audiences } else { nil }
    }

    private var subjectClaims: String {
        let names = configuration?.subjectClaims.map { path in
            switch path {
            case .dotted(let name): LoggableValue(name).description
            case .keys(let keys): LoggableValue(keys.joined(separator: ".")).description
            case .memberNames: "an object"
            }
        }
        return names?.joined(separator: ", ") ?? ""
    }

    private func issuers(of id: String?) -> [String]? {
        keys?.keys.filter { key in id.map { key.id?.isExactly($0) ?? false } ?? true }.compactMap(\.issuer?.text)
    }

    private func algorithms(of id: String?) -> [String]? {
        keys?.keys.filter { key in id.map { key.id?.isExactly($0) ?? false } ?? true }.map(\.algorithm.rawValue)
    }
}

/// The readable, unverified content of a refused token.
private struct UnverifiedClaims {
    var header: [ExactString: JSONValue] = [:]
    var claims: [ExactString: JSONValue] = [:]

    init(token: String) {
        guard token.utf8.count <= CompactToken.maxSize else { return }
        let segments = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard segments.count == 3 else { return }
        header = Self.members(of: segments[0])
        claims = Self.members(of: segments[1])
    }

    private static func members(of segment: Substring.UTF8View) -> [ExactString: JSONValue] {
        let value = Base64URL.decode(segment).flatMap { try? StrictJSONParser.value(of: $0, duplicates: .marked) }
        return value?.object ?? [:]
    }
}
