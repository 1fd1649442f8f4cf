import SimpleAICore

/// The protected header of a token (RFC 7515 §4), unverified: what it may say and still be considered.
struct JOSEHeader: Hashable, Sendable {
    let algorithm: SignatureAlgorithm
    let keyID: String?
    /// `typ` without the prefix `application/`, in lower case: media types are case-insensitive.
    let type: String?

    init(json: [UInt8]) throws(TokenFault) {
        let members: [ExactString: JSONValue]
        do throws(JSONFault) {
            guard case .object(let object) = try StrictJSONReader.value(of: json) else { throw .malformed }
            members = object
        } catch {
            throw error == .duplicateMember ? .duplicateHeader : .malformedHeader
        }

        // What would make us fetch, trust or skip something because the token says so.
        guard members["crit"] == nil else { throw .criticalHeader }
        guard members["b64"] == nil else { throw .detachedPayload }
        guard ["jwk", "jku", "x5u", "x5c"].allSatisfy({ members[ExactString($0)] == nil }) else { throw .embeddedKey }
        guard members["zip"] == nil, members["enc"] == nil else { throw .compressed }

        guard let algorithm = members["alg"]?.string.flatMap(SignatureAlgorithm.init(rawValue:)) else {
            throw .unsupportedAlgorithm
        }
        self.algorithm = algorithm
        keyID = try Self.string(members["kid"])
        type = try Self.string(members["typ"]).map(Self.normalizedType)
    }

    /// `at+jwt`, `AT+JWT` and `application/at+jwt` are one type (RFC 7515 §4.1.9).
    static func normalizedType(_ type: String) -> String {
        let lower = type.lowercased()
        return lower.hasPrefix("application/") ? String(lower.dropFirst("application/".count)) : lower
    }

    private static func string(_ value: JSONValue?) throws(TokenFault) -> String? {
        guard let value else { return nil }
        guard let string = value.string else { throw .malformedHeader }
        return string
    }
}
