@testable import Acceptance

/// The part of JSON Schema (draft 2020-12) that docs/report.schema.json uses. An unknown keyword is a breach, so that
/// no rule is silently ignored.
struct SchemaCheck {
    private let root: JSONValue

    init(_ root: JSONValue) { self.root = root }

    /// The breaches of the schema in `value`, each with its path.
    func breaches(of value: JSONValue) -> [String] { breaches(of: value, by: root, at: "$") }

    private static let annotations: Set<String> = ["$schema", "$defs", "title", "description"]

    private func breaches(of value: JSONValue, by schema: JSONValue, at place: String) -> [String] {
        guard case .object(let rules) = schema else { return ["\(place): the schema is no object"] }
        return rules.sorted { $0.key < $1.key }.flatMap { keyword, rule -> [String] in
            switch keyword {
            case _ where Self.annotations.contains(keyword): []
            case "$ref": reference(rule).map { breaches(of: value, by: $0, at: place) } ?? ["\(place): bad $ref"]
            case "type": Self.hasType(value, rule.string ?? "") ? [] : ["\(place): is no \(rule.string ?? "?")"]
            case "enum": Self.elements(rule).contains(value) ? [] : ["\(place): \(value) is not in the enum"]
            case "minimum": (value.number ?? 0) >= (rule.number ?? 0) ? [] : ["\(place): too small"]
            case "maximum": (value.number ?? 0) <= (rule.number ?? 0) ? [] : ["\(place): too large"]
            case "pattern": Self.fits(value, rule) ? [] : ["\(place): does not fit the pattern"]
            case "items":
                Self.elements(value).enumerated()
                    .flatMap { breaches(of: $1, by: rule, at: "\(place)[\($0)]") }
            case "required":
                Self.elements(rule).compactMap(\.string).filter { value[$0] == nil }
                    .map { "\(place): lacks \($0)" }
            case "properties":
                Self.members(rule).flatMap { name, rule in
                    value[name].map { breaches(of: $0, by: rule, at: "\(place).\(name)") } ?? []
                }
            case "additionalProperties":
                Self.members(value).map(\.key).filter { schema["properties"]?[$0] == nil }
                    .map { "\(place): \($0) is not in the schema" }
            default: ["\(place): the schema says \(keyword), which is not checked"]
            }
        }
    }

    /// `#/$defs/NAME`
    private func reference(_ rule: JSONValue) -> JSONValue? {
        guard let name = rule.string, name.hasPrefix("#/$defs/") else { return nil }
        return root["$defs"]?[String(name.dropFirst(8))]
    }

    private static func hasType(_ value: JSONValue, _ name: String) -> Bool {
        switch (name, value) {
        case ("object", .object), ("array", .array), ("string", .string), ("number", .number): true
        case ("integer", .number(let number)): number == number.rounded()
        default: false
        }
    }

    private static func fits(_ value: JSONValue, _ rule: JSONValue) -> Bool {
        guard let text = value.string, let pattern = rule.string, let expression = try? Regex(pattern) else {
            return false
        }
        return text.contains(expression)
    }

    private static func elements(_ value: JSONValue) -> [JSONValue] {
        if case .array(let elements) = value { elements } else { [] }
    }

    private static func members(_ value: JSONValue) -> [(key: String, value: JSONValue)] {
        if case .object(let members) = value { members.sorted { $0.key < $1.key } } else { [] }
    }
}
