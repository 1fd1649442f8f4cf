import Foundation
import Testing

@testable import TokenProviders

func specification(
    _ grant: TokenSpecification.Grant = .clientCredentials, issuer: String = "https://sso.example.org",
    client: OAuthClient = OAuthClient(id: "app", secret: "s3cret")
) -> TokenSpecification {
    TokenSpecification(issuer: issuer, client: client, grant: grant)
}

func answer(_ body: String, status: Int = 200, type: String = "application/json") -> ProviderResponse {
    ProviderResponse(
        address: "https://sso.example.org/token", status: status, contentType: type, body: Array(body.utf8))
}

/// A token with the shape of a JWT; its signature is never verified here.
func jwt(_ claims: String) -> String {
    [#"{"alg":"RS256"}"#, claims, "signature"]
        .map { Data($0.utf8).base64EncodedString().replacing("=", with: "").replacing("+", with: "-") }
        .joined(separator: ".")
}

/// The error message that a body throws, as people read it.
func problem(_ body: () async throws -> Void) async -> String {
    do {
        try await body()
        return ""
    } catch {
        return "\(error)"
    }
}
