/// A string with a meaning: two names of different kinds cannot be mixed up, and none of them is "just a string".
///
/// Names are equal, hashed and ordered by their UTF-8 bytes. Swift's own strings are equal as soon as they are canonically
/// equivalent (U+212A KELVIN SIGN and `K`), and callers, engines and agents choose names: identity is bytes.
public protocol Name: RawRepresentable, Hashable, Sendable, Comparable, CustomStringConvertible,
    ExpressibleByStringLiteral
where RawValue == String {
    init(_ text: String)
}

extension Name {
    public init(rawValue: String) { self.init(rawValue) }
    public init(stringLiteral value: String) { self.init(value) }
    public var description: String { rawValue }

    public static func == (left: Self, right: Self) -> Bool { left.rawValue.isExactly(right.rawValue) }
    public static func < (left: Self, right: Self) -> Bool { left.rawValue.precedesByBytes(right.rawValue) }
    public func hash(into hasher: inout Hasher) { rawValue.hashBytes(into: &hasher) }
}

/// A string from outside that has no type of its own and is a key in a table, or is compared: a member of a JSON object, a
/// response id, the path of an API key.
public struct ExactString: Name {
    public let rawValue: String
    public init(_ text: String) { rawValue = text }

    /// Whether it is that name, of whatever kind.
    public func names(_ name: some Name) -> Bool { rawValue.isExactly(name.rawValue) }
}

/// An LLM's id as callers know it, for example `llama3:8b`.
public struct ModelID: Name, Codable, CodingKeyRepresentable {
    public let rawValue: String
    public init(_ text: String) { rawValue = text }
}

/// What an engine itself calls a model; callers may know it by another id.
public struct EngineModelID: Name, Codable {
    public let rawValue: String
    public init(_ text: String) { rawValue = text }
}

/// The name of a class of models, without the prefix that callers write: `fast` for `class:fast`.
public struct ClassName: Name {
    public let rawValue: String
    public init(_ text: String) { rawValue = text }
}

/// A runner's id, from settings or from its registration.
public struct RunnerID: Name {
    public let rawValue: String
    public init(_ text: String) { rawValue = text }
}

/// The id of one call, shown to the caller as `x-request-id` and in every log line about the call.
public struct CallID: Name {
    public let rawValue: String
    public init(_ text: String) { rawValue = text }
}

/// A role as a token states it: an exact, case-sensitive string.
public struct Role: Name {
    public let rawValue: String
    public init(_ text: String) { rawValue = text }
}

/// A token's `sub`, the subject identifier (OpenID Connect Core 1.0 §2); unique only together with its issuer.
public struct SubjectID: Name {
    public let rawValue: String
    public init(_ text: String) { rawValue = text }
}

/// A token's `iss`, the issuer identifier (OpenID Connect Core 1.0 §2).
public struct IssuerID: Name {
    public let rawValue: String
    public init(_ text: String) { rawValue = text }
}

/// What kind of machine a runner is, in the words of settings or of its registration; empty where neither says.
public struct MachineType: Name {
    public let rawValue: String
    public init(_ text: String) { rawValue = text }
}
