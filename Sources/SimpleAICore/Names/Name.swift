/// A string with a meaning: two names of different kinds cannot be mixed up, and none of them is "just a string".
public protocol Name: RawRepresentable, Hashable, Sendable, Comparable, CustomStringConvertible,
    ExpressibleByStringLiteral
where RawValue == String {
    init(_ text: String)
}

extension Name {
    public init(rawValue: String) { self.init(rawValue) }
    public init(stringLiteral value: String) { self.init(value) }
    public var description: String { rawValue }
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// An LLM's id as callers know it, for example `llama3:8b`.
public struct ModelID: Name {
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

/// A role as a token states it: an exact, case-sensitive string. Two are equal if their bytes are; Swift's strings are
/// equal also where two spellings look the same (the Kelvin sign and a `K`), and somebody may choose the name of a group.
public struct Role: Name {
    public let rawValue: String
    public init(_ text: String) { rawValue = text }

    public static func == (left: Self, right: Self) -> Bool { left.rawValue.utf8.elementsEqual(right.rawValue.utf8) }

    public func hash(into hasher: inout Hasher) {
        var text = rawValue
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
