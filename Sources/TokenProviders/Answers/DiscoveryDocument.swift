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

    init(_ answer: ProviderAnswer, for order: TokenOrder) throws(TokenProviderProblem) {
        guard answer.isSuccess || (300..<400).contains(answer.status) else {
            throw .nonsense(
                at: answer.address, status: answer.status, what: "not a discovery document; check `issuer`")
        }
        let content = try answer.decoded(Content.self)
        // Byte for byte: two spellings of one text are two issuers.
        guard content.issuer.utf8.elementsEqual(order.issuer.utf8) else {
            throw .otherIssuer(wanted: order.issuer, stated: ShownText(content.issuer).text)
        }
        guard let tokenEndpoint = content.token_endpoint else {
            throw .noEndpoint(issuer: order.issuer, name: "token_endpoint")
        }
        try EndpointAddress.check(tokenEndpoint, allowsInsecure: order.allowsInsecure)
        if let device = content.device_authorization_endpoint, order.grant == .deviceCode {
            try EndpointAddress.check(device, allowsInsecure: order.allowsInsecure)
        }
        self.tokenEndpoint = tokenEndpoint
        deviceAuthorizationEndpoint = content.device_authorization_endpoint
        authenticationMethods = content.token_endpoint_auth_methods_supported
    }
}
