/// A provider's response to the device authorization request (RFC 8628 §3.2).
struct DeviceAuthorization: Hashable, Sendable {
    let deviceCode: String
    let prompt: DevicePrompt
    let lifetime: Duration
    let interval: Duration

    private struct Content: Decodable {
        let device_code: String
        let user_code: String
        let verification_uri: String?
        /// The field's name in the responses of some providers that predate the RFC.
        let verification_url: String?
        let verification_uri_complete: String?
        let expires_in: Seconds
        let interval: Seconds?
    }

    init(_ response: ProviderResponse) throws(TokenProviderProblem) {
        let content = try response.decoded(Content.self)
        guard response.isSuccess else {
            throw .invalidResponse(at: response.address, status: response.status, what: response.kind)
        }
        guard let address = content.verification_uri ?? content.verification_url, !content.device_code.isEmpty else {
            throw .invalidResponse(
                at: response.address, status: response.status, what: "a document without verification_uri")
        }
        deviceCode = content.device_code
        prompt = DevicePrompt(
            address: DisplayText(address).text, userCode: DisplayText(content.user_code, limit: 40).text,
            completeAddress: content.verification_uri_complete.map { DisplayText($0).text })
        lifetime = .seconds(content.expires_in.value)
        // RFC 8628 §3.2: five seconds unless the provider states otherwise.
        interval = .seconds(content.interval?.value ?? 5)
    }
}

/// What the user must open and enter to sign in.
public struct DevicePrompt: Hashable, Sendable {
    public let address: String
    public let userCode: String
    /// The same address with the code in it.
    public let completeAddress: String?
}
