import SimpleAICore

/// A JSON document whose members keep their order: defaults of keys, and schemas.
enum OrderedJSON: Hashable, Sendable {
    case null
    case boolean(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([OrderedJSON])
    case object([Member])

    struct Member: Hashable, Sendable {
        let name: String
        let value: OrderedJSON

        init(_ name: String, _ value: OrderedJSON) {
            self.name = name
            self.value = value
        }
    }

    static func strings(_ texts: [String]) -> OrderedJSON { .array(texts.map(OrderedJSON.string)) }

    /// The document with two spaces per level; arrays and objects without nested objects occupy one line.
    var text: String { text(indentedBy: "") }

    private func text(indentedBy indentation: String) -> String {
        let inner = indentation + "  "
        switch self {
        case .array(let elements) where !isFlat:
            let lines = elements.map { inner + $0.text(indentedBy: inner) }
            return "[\n" + lines.joined(separator: ",\n") + "\n\(indentation)]"
        case .object(let members) where !members.isEmpty:
            let lines = members.map { "\(inner)\(JSONString.encode($0.name)): \($0.value.text(indentedBy: inner))" }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(indentation)}"
        default:
            return line
        }
    }

    private var isFlat: Bool {
        switch self {
        case .object(let members): members.isEmpty
        case .array(let elements): elements.allSatisfy(\.isFlat)
        default: true
        }
    }

    private var line: String {
        switch self {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let text): JSONString.encode(text)
        case .array(let elements): "[" + elements.map(\.line).joined(separator: ", ") + "]"
        case .object(let members):
            "{" + members.map { "\(JSONString.encode($0.name)): \($0.value.line)" }.joined(separator: ", ") + "}"
        }
    }

    /// The value as a settings file contains it, in one line: texts without quotes where YAML reads them unchanged.
    var yaml: String {
        switch self {
        case .string(let text): Self.isPlainScalar(text) ? text : JSONString.encode(text)
        case .array(let elements): "[" + elements.map(\.yaml).joined(separator: ", ") + "]"
        default: line
        }
    }

    private static func isPlainScalar(_ text: String) -> Bool {
        guard let first = text.utf8.first, first != UInt8(ascii: "-") else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "/"):
                true
            default: false
            }
        }
    }
}
