/// A string of one kind: names of different kinds have different types and cannot be mixed up.
///
/// Names are equal, hashed and ordered by their UTF-8 bytes. Swift's strings are equal if they are canonically
/// equivalent (U+212A KELVIN SIGN and `K`), which is unsafe for names that callers, engines and agents choose.
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

/// An external string without a type of its own that is compared or used as a key: a member name of a JSON object, a
/// response id, the path of an API key.
public struct ExactString: Name {
    public let rawValue: String
    public init(_ text: String) { rawValue = text }

    /// Whether it is the same string as a name of any kind.
    public func names(_ name: some Name) -> Bool { rawValue.isExactly(name.rawValue) }
}

/// A language model's id as callers know it, for example `llama3:8b`.
public struct ModelID: Name, Codable, CodingKeyRepresentable {
    public let rawValue: String
    public init(_ text: String) { rawValue = text }
}

/// The engine's own id of a model; callers may know it by another id.
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

/// The id of one call, sent to the caller as `x-request-id` and logged in every line about the call.
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

/// The kind of a machine, as settings or its registration state it; empty if neither does.
public struct MachineType: Name {
    public let rawValue: String
    public init(_ text: String) { rawValue = text }
}
