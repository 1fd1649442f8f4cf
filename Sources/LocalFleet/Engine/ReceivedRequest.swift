/// A request as the engine received it, to test what a gateway forwards.
public struct ReceivedRequest: Hashable, Sendable {
    public struct Field: Hashable, Sendable {
        public let name: String
        public let value: String
    }

    public let method: String
    /// Includes the query.
    public let path: String
    public let fields: [Field]
    public let body: [UInt8]

    /// The first value of a header field; names are case-insensitive.
    public subscript(_ name: String) -> String? {
        fields.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}
