/// The roles that have a meaning of their own where no issuer names them, as for API keys.
package enum APIKeyRoles {
    package static let specificModels: Role = "model:specific"
    package static let administration: Role = "admin"
}
