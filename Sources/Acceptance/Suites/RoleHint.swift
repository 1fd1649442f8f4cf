/// Explains a role-related failure from the tokens' claims. No verdict depends on a decoded token.
struct RoleHint: Sendable {
    let tokens: TokenSource

    /// A clause that the token binary seems to ignore `--role`, if the tokens of two roles have the same claims; otherwise
    /// empty.
    func text() async throws -> String {
        let basic = try await tokens.token(role: nil)
        let specific = try await tokens.token(role: Persona.specific.role)
        guard let plain = Self.claims(of: basic), let special = Self.claims(of: specific) else { return "" }
        guard plain == special else { return "" }
        return "; both tokens carry the same claims: the binary seems to ignore --role"
    }

    /// The claims, without those that differ between any two tokens.
    private static func claims(of token: String) -> [String: JSONValue]? {
        TokenText.claims(of: token)?.object?.filter { !["iat", "exp", "nbf", "jti", "auth_time"].contains($0.key) }
    }
}
