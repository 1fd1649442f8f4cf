/// The fault of a token. The texts are constant; `RefusalReport` adds the values found and expected.
enum TokenFault: String, Error, Hashable, Sendable, CaseIterable {
    // The compact serialization (RFC 7515 §7.1).
    case tooLarge = "token is larger than 16 KiB"
    case notCompact = "token has not three segments"
    case encrypted = "token is encrypted (five segments)"
    case malformedEncoding = "token is not strict base64url"

    // The header.
    case malformedHeader = "header is not a JSON object as it should be"
    case duplicateHeader = "header names a parameter twice"
    case unsupportedAlgorithm = "algorithm is none, symmetric or unknown"
    case criticalHeader = "header has critical extensions"
    case detachedPayload = "header asks for an unencoded payload"
    case compressed = "header asks for compression or encryption"
    case wrongType = "token is of another type"

    // The claims.
    case malformedClaims = "claims are not a JSON object as it should be"
    case duplicateClaim = "claims name a member twice"
    case missingIssuer = "issuer is missing or no string"
    case missingSubject = "subject is missing, empty or no string"
    case unusableSubject = "subject is too long or contains characters that no name may contain"
    case missingExpiry = "expiry is missing or no number"
    case unknownIssuer = "issuer is not configured"
    case wrongTenant = "token is of a tenant that is not allowed"
    case wrongAudience = "token is for another audience"
    case expired = "token has expired"
    case notYetValid = "token is not valid yet"
    case issuedInFuture = "token was issued in the future"
    case missingScope = "a required scope is missing"
    case wrongParty = "token was issued to another application"

    // The key and the signature.
    case unknownKey = "key id is not among the issuer's keys"
    case foreignKey = "key is published for tokens of another issuer"
    case noFittingKey = "no key of the issuer fits a token without key id"
    case ambiguousKey = "more than one key of the issuer fits"
    case algorithmMismatch = "algorithm is not that of the key"
    case badSignature = "signature does not verify"
}
