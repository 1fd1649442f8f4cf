import SimpleAICore

/// The protected header of a token (RFC 7515 §4), not verified yet.
struct JOSEHeader: Hashable, Sendable {
    let algorithm: SignatureAlgorithm
    let keyID: String?
    /// `typ` without the prefix `application/`, in lower case: media types are case-insensitive.
    let type: String?

    init(json: [UInt8]) throws(TokenFault) {
        let members: [ExactString: JSONValue]
        do throws(JSONFault) {
            guard case .object(let object) = try StrictJSONParser.value(of: json) else { throw .malformed }
            members = object
        } catch {
            throw error == .duplicateMember ? .duplicateHeader : .malformedHeader
        }

        // Critical extensions change how a token is verified. `jku`, `jwk`, `x5u` and `x5c` (RFC 7515 §4.1.2 to §4.1.6)
        // offer a key, and are ignored like every other parameter: never fetched, never trusted.
        guard members["crit"] == nil else { throw .criticalHeader }
        guard members["b64"] == nil else { throw .detachedPayload }
        guard members["zip"] ?? .null == .null, members["enc"] ?? .null == .null else { throw .compressed }

        guard let algorithm = members["alg"]?.string.flatMap(SignatureAlgorithm.init(name:)) else {
            throw .unsupportedAlgorithm
        }
        self.algorithm = algorithm
        keyID = try Self.string(members["kid"])
        type = try Self.string(members["typ"]).map(Self.normalizedType)
    }

    /// `at+jwt`, `AT+JWT` and `application/at+jwt` are one type (RFC 7515 §4.1.9).
    static func normalizedType(_ type: String) -> String {
        // ASCII letters only: Unicode also maps the Kelvin sign to k.
        let lower = String(
            decoding: type.utf8.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 },
            as: UTF8.self)
        return lower.hasPrefix("application/") ? String(lower.dropFirst("application/".count)) : lower
    }

    private static func string(_ value: JSONValue?) throws(TokenFault) -> String? {
        // Some libraries write absent values as null.
        guard let value, value != .null else { return nil }
        guard let string = value.string else { throw .malformedHeader }
        return string
    }
}
