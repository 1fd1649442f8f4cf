/// A request as an engine got it, for those who check what a gateway made of it.
public struct ReceivedRequest: Hashable, Sendable {
    public struct Field: Hashable, Sendable {
        public let name: String
        public let value: String
    }

    public let method: String
    /// With the query.
    public let path: String
    public let fields: [Field]
    public let body: [UInt8]

    /// The first value of a header field; names match in any case.
    public subscript(_ name: String) -> String? {
        fields.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}
