public import SimpleAICore

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int) { self = .number(Double(value)) }
    public init(floatLiteral value: Double) { self = .number(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(nilLiteral: ()) { self = .null }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements.map { (ExactString($0), $1) }) { _, last in last })
    }

    /// The value as JSON text, members sorted by name.
    var text: String {
        switch self {
        case .null, .ambiguous: "null"
        case .bool(let value): "\(value)"
        case .number(let value):
            value.isInfinite ? (value < 0 ? "-1e400" : "1e400") : Int(exactly: value).map(String.init) ?? "\(value)"
        case .string(let value): "\"" + value.unicodeScalars.map(Self.escaped).joined() + "\""
        case .array(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
        case .object(let members):
            "{"
                + members.sorted { $0.key < $1.key }.map {
                    JSONValue.string($0.key.rawValue).text + ":" + $0.value.text
                }
                .joined(separator: ",") + "}"
        }
    }

    /// A copy with one member added or changed; nil removes it.
    func with(_ name: String, _ value: JSONValue?) -> JSONValue {
        var members = object ?? [:]
        members[ExactString(name)] = value
        return .object(members)
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"": "\\\""
        case "\\": "\\\\"
        case "\0"..<" ": "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
        default: String(Character(scalar))
        }
    }
}
