import Foundation

/// A form that is posted to a provider, with the header field that authenticates the client.
struct FormRequest: Hashable, Sendable {
    struct Field: Hashable, Sendable {
        let name: String
        let value: String
    }

    private(set) var fields: [Field] = []
    /// The value of `Authorization`; nil if the client authenticates in the form.
    private(set) var authorization: String?

    /// The body as `application/x-www-form-urlencoded`.
    var body: String {
        fields.map { "\(Self.encoded($0.name))=\(Self.encoded($0.value))" }.joined(separator: "&")
    }

    mutating func add(_ name: String, _ value: String) {
        fields.append(Field(name: name, value: value))
    }

    mutating func authenticate(_ client: OAuthClient, _ method: OAuthClient.Authentication) {
        switch method {
        case .basic:
            // RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
            let pair = "\(Self.encoded(client.id)):\(Self.encoded(client.secret))"
            authorization = "Basic " + Data(pair.utf8).base64EncodedString()
        case .post:
            add("client_id", client.id)
            add("client_secret", client.secret)
        case .none:
            add("client_id", client.id)
        }
    }

    /// The form encoding of RFC 6749, appendix B: UTF-8, with everything but letters, digits and `*-._` as percent
    /// escapes. A space could also be `+`, but many providers decode only the escapes in `Authorization`.
    static func encoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "*"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                encoded += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return encoded
    }
}

// MARK: - The forms of the grants

extension TokenSpecification {
    /// The token request of the client credentials or password grant; nil for grants that begin with another request.
    func tokenRequest(authentication: OAuthClient.Authentication) -> FormRequest? {
        var request = FormRequest()
        switch grant {
        case .clientCredentials:
            request.add("grant_type", "client_credentials")
        case .password(let username, let password):
            request.add("grant_type", "password")
            request.add("username", username)
            request.add("password", password)
        case .deviceCode:
            return nil
        }
        addOptionalFields(to: &request)
        request.authenticate(client, authentication)
        return request
    }

    /// The device authorization request (RFC 8628 §3.1).
    func deviceAuthorizationRequest(authentication: OAuthClient.Authentication) -> FormRequest {
        var request = FormRequest()
        addOptionalFields(to: &request)
        request.authenticate(client, authentication)
        return request
    }

    /// The device access token request (RFC 8628 §3.4).
    func devicePollRequest(code: String, authentication: OAuthClient.Authentication) -> FormRequest {
        var request = FormRequest()
        request.add("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
        request.add("device_code", code)
        request.authenticate(client, authentication)
        return request
    }

    private func addOptionalFields(to request: inout FormRequest) {
        if !scopes.isEmpty { request.add("scope", scopes.joined(separator: " ")) }
        if !audience.isEmpty { request.add("audience", audience) }
        for resource in resources { request.add("resource", resource) }
    }
}
