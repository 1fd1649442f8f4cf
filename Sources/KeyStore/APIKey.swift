public import SimpleAICore

public import struct Foundation.Date

/// What is known of one API key: everything but the key itself, of which only a digest is kept.
public struct APIKey: Hashable, Sendable {
    /// Public and unique; stands in the key's text behind the prefix, in lists and in logs.
    public let id: String
    /// What its owner calls it.
    public let name: String
    /// As a token would state them: exact, case-sensitive strings.
    public let roles: Set<Role>
    /// The only classes that it may ask for; nil means all.
    public let classes: Set<ClassName>?
    public let created: Date
    /// Who created it: the subject of an admin's token.
    public let creator: String
    /// Nil: it does not expire.
    public let expiry: Date?
    /// Nil: it is in service.
    public internal(set) var revoked: Date?
    /// It is out of service, and the database does not know yet.
    public internal(set) var isRevocationPending = false
    /// By the minute; nil: never.
    public internal(set) var lastUsed: Date?

    /// How a key's owner recognises it in a list, and support in a mail: `sk-simpleai-1a2b3c4d…`.
    public var hint: String { APIKeyText.prefix + id + "…" }

    /// Whether it would be accepted at `now`.
    public func isInService(at now: Date) -> Bool {
        revoked == nil && (expiry.map { now < $0 } ?? true)
    }
}

/// What an admin says of a new key.
public struct APIKeyOrder: Hashable, Sendable {
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
