/// Why an issuer's keys could not be read. For operators: the log, metrics and readiness.
enum KeySourceFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// `reason` is the transport's own description.
    case unreachable(reason: String)
    case timeout
    case status(Int, url: String)
    /// From an address that does not receive the token of the settings.
    case unauthorized(status: Int, host: String)
    case unusableToken(path: String, reason: String)
    case tooLarge
    case notJSON
    case notADiscoveryDocument
    case otherIssuer(stated: String, expected: String)
    case insecureKeyAddress
    case notAKeySet
    case tooManyKeys
    case noUsableKey
    case unreadableFile(reason: String)

    private static let authorityAdvice =
        "; if the issuer's certificate is of an authority of your own, set tls.ca_file of the issuer"

    var description: String {
        switch self {
        case .unreachable(let reason):
            "not reachable: \(reason)\(reason.contains("trusted authority") ? Self.authorityAdvice : "")"
        case .timeout: "no complete response in time"
        case .status(let code, let url):
            "\(LoggableValue(url)) returned status \(code)\((300..<400).contains(code) ? "; redirects are not followed" : "")"
        case .unauthorized(let code, let host):
            "jwks_uri returned status \(code). It is at \(LoggableValue(host)), and jwks_token_file is sent to the issuer's "
                + "own host only; if that address is the issuer's, set it as jwks_url"
        case .unusableToken(let path, let reason): "jwks_token_file \(LoggableValue(path)) cannot be used: \(reason)"
        case .tooLarge: "document exceeds the size limit"
        case .notJSON: "document is not valid JSON"
        case .notADiscoveryDocument: "discovery document lacks issuer or jwks_uri"
        case .otherIssuer(let stated, let expected):
            "discovery document names another issuer: found \(LoggableValue(stated)), expected \(LoggableValue(expected))"
        case .insecureKeyAddress: "jwks_uri is not https"
        case .notAKeySet: "document is not a key set"
        case .tooManyKeys: "key set has more than \(KeySet.maxKeys) keys"
        case .noUsableKey: "key set has no usable key"
        case .unreadableFile(let reason): "file cannot be read: \(reason)"
        }
    }
}
