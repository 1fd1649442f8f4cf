/// The parts of a provider's discovery document that token requests need (OpenID Connect Discovery 1.0 §3, RFC 8414,
/// RFC 8628 §4).
struct DiscoveryDocument: Hashable, Sendable {
    let tokenEndpoint: String
    let deviceAuthorizationEndpoint: String?
    /// Nil if the provider does not state any.
    let authenticationMethods: [String]?

    private struct Content: Decodable {
        let issuer: String
        let token_endpoint: String?
        let device_authorization_endpoint: String?
        let token_endpoint_auth_methods_supported: [String]?
    }

    init(_ response: ProviderResponse, for specification: TokenSpecification) throws(TokenProviderProblem) {
        guard response.isSuccess || (300..<400).contains(response.status) else {
            throw .invalidResponse(
                at: response.address, status: response.status, what: "not a discovery document; check `issuer`")
        }
        let content = try response.decoded(Content.self)
        // Byte for byte: two Unicode spellings of one text are different issuers.
        guard content.issuer.utf8.elementsEqual(specification.issuer.utf8) else {
            throw .otherIssuer(wanted: specification.issuer, stated: DisplayText(content.issuer).text)
        }
        guard let tokenEndpoint = content.token_endpoint else {
            throw .noEndpoint(issuer: specification.issuer, name: "token_endpoint")
        }
        try EndpointAddress.check(tokenEndpoint, allowsInsecure: specification.allowsInsecure)
        if let device = content.device_authorization_endpoint, specification.grant == .deviceCode {
            try EndpointAddress.check(device, allowsInsecure: specification.allowsInsecure)
        }
        self.tokenEndpoint = tokenEndpoint
        deviceAuthorizationEndpoint = content.device_authorization_endpoint
        authenticationMethods = content.token_endpoint_auth_methods_supported
    }
}
