public import SimpleAICore

public import struct Foundation.Date

/// The record of one API key: everything but the key itself, of which only a digest is stored.
public struct APIKey: Hashable, Sendable {
    /// Public and unique; appears in the key's text after the prefix, in lists and in logs.
    public let id: String
    /// The name that the creator chose.
    public let name: String
    /// Exact, case-sensitive strings, as in a token.
    public let roles: Set<Role>
    /// The only classes that the key may request; nil means all.
    public let classes: Set<ClassName>?
    public let created: Date
    /// The subject of the token of the administrator that created it.
    public let creator: String
    /// Nil if it does not expire.
    public let expiry: Date?
    /// When it was revoked; nil if it was not.
    public internal(set) var revoked: Date?
    /// Whether the key is revoked but the database does not contain the revocation yet.
    public internal(set) var isRevocationPending = false
    /// To the minute; nil if it was never used.
    public internal(set) var lastUsed: Date?

    /// Identifies a key for its owner, in lists and support requests: `sk-simpleai-1a2b3c4d…`.
    public var hint: String { APIKeyText.prefix + id + "…" }

    /// Whether the key is accepted at `now`.
    public func isActive(at now: Date) -> Bool {
        revoked == nil && (expiry.map { now < $0 } ?? true)
    }
}

/// The properties that an administrator chooses for a new key.
public struct NewAPIKey: Hashable, Sendable {
    public var name: String
    public var roles: Set<Role>
    public var classes: Set<ClassName>?
    public var expiry: Date?
    public var creator: String

    public init(
        name: String, roles: Set<Role> = [], classes: Set<ClassName>? = nil, expiry: Date? = nil, creator: String
    ) {
        self.name = name
        self.roles = roles
        self.classes = classes
        self.expiry = expiry
        self.creator = creator
    }
}
