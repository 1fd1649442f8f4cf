/// The fault of a token. The texts are constant; `FaultReport` adds the values found and expected.
enum TokenFault: String, Error, Hashable, Sendable, CaseIterable {
    // The compact serialization (RFC 7515 §7.1).
    case tooLarge = "token is larger than 16 KiB"
    case notCompact = "token does not have three segments"
    case encrypted = "token is encrypted (five segments)"
    case malformedEncoding = "token is not strict base64url"

    // The header.
    case malformedHeader = "header is not a valid JSON object"
    case duplicateHeader = "header names a parameter twice"
    case unsupportedAlgorithm = "algorithm is none, symmetric or unknown"
    case criticalHeader = "header has critical extensions"
    case detachedPayload = "header asks for an unencoded payload"
    case compressed = "header asks for compression or encryption"
    case wrongType = "unexpected token type"

    // The claims.
    case malformedClaims = "claims are not a valid JSON object"
    case duplicateClaim = "claims name a member twice"
    case missingIssuer = "issuer is missing or not a string"
    case missingSubject = "subject is missing, empty or not a string"
    case unusableSubject = "subject is too long or contains forbidden characters"
    case missingExpiry = "expiry is missing or not a number"
    case unknownIssuer = "issuer is not configured"
    case wrongTenant = "tenant is not allowed"
    case wrongAudience = "unexpected audience"
    case expired = "token has expired"
    case notYetValid = "token is not valid yet"
    case issuedInFuture = "token was issued in the future"
    case missingScope = "a required scope is missing"
    case wrongParty = "unexpected authorized party"

    // The key and the signature.
    case unknownKey = "unknown key id"
    case foreignKey = "key belongs to another issuer"
    case noFittingKey = "no issuer key matches a token without key id"
    case ambiguousKey = "more than one issuer key matches"
    case algorithmMismatch = "algorithm does not match the key"
    case badSignature = "signature does not verify"
}
