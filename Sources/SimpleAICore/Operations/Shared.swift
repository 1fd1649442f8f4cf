/// A value on the heap that its copies share: passing it on costs one reference count, however many references are inside.
///
/// For immutable values that pass through many hands, such as the authorization of a call.
@frozen
public struct Shared<Value: Sendable>: Sendable {
    @usableFromInline
    final class Storage: Sendable {
        @usableFromInline let value: Value
        @inlinable init(_ value: Value) { self.value = value }
    }

    @usableFromInline let storage: Storage

    @inlinable
    public init(_ value: Value) { storage = Storage(value) }

    @inlinable public var value: Value {
        @inline(__always) _read { yield storage.value }
    }
}

extension Shared: Equatable where Value: Equatable {
    @inlinable
    public static func == (left: Self, right: Self) -> Bool {
        left.storage === right.storage || left.storage.value == right.storage.value
    }
}

extension Shared: Hashable where Value: Hashable {
    @inlinable
    public func hash(into hasher: inout Hasher) { hasher.combine(storage.value) }
}
