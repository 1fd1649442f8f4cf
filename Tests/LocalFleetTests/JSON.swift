import SimpleAICore

/// A JSON document under test, whose members are read like properties.
@dynamicMemberLookup
struct JSON: Equatable {
    let value: JSONValue

    private init(_ value: JSONValue) { self.value = value }

    init(_ text: some StringProtocol) throws { try self.init(Array(text.utf8)) }

    init(_ bytes: [UInt8]) throws { value = try StrictJSONParser.value(of: bytes) }

    static let null = JSON(JSONValue.null)
    static func string(_ text: String) -> JSON { JSON(JSONValue.string(text)) }
    static func number(_ number: Double) -> JSON { JSON(JSONValue.number(number)) }
    static func array(_ elements: [JSON]) -> JSON { JSON(JSONValue.array(elements.map(\.value))) }

    /// Nil if there is no such key; `.null` if its value is null.
    subscript(dynamicMember key: String) -> JSON? { value.object?[ExactString(key)].map { JSON($0) } }

    subscript(index: Int) -> JSON? {
        guard let array = value.array, array.indices.contains(index) else { return nil }
        return JSON(array[index])
    }

    var string: String? { value.string }
    var number: Double? { value.number }
    var count: Int? { value.array?.count }
}
