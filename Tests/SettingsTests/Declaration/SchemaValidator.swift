import Foundation
import Yams

@testable import Settings

/// Validates YAML against the schemas that the program prints: the keywords of JSON Schema that they use, no others.
struct SchemaValidator {
    private static let schemas = Dictionary(
        uniqueKeysWithValues: SettingsFormat.allCases.map {
            ($0, OrderedJSON.schema(of: $0.declarations, title: "", description: ""))
        })

    private let schema: OrderedJSON

    init(_ format: SettingsFormat) {
        schema = Self.schemas[format] ?? .null
    }

    struct UnknownKeyword: Error { let name: String }

    /// The paths of invalid values, each with the keyword that refuses it.
    func violations(_ document: OrderedJSON) throws -> [String] { try violations(document, schema, "") }

    private func violations(_ value: OrderedJSON, _ schema: OrderedJSON, _ path: String) throws -> [String] {
        guard case .object(let keywords) = schema else { return [] }
        var found: [String] = []
        for keyword in keywords {
            let isValid: Bool
            switch (keyword.name, keyword.value) {
            case ("$schema", _), ("title", _), ("description", _), ("default", _), ("deprecated", _): continue
            case ("type", .string(let name)): isValid = value.hasType(name)
            case ("type", .array(let names)):
                isValid = names.contains { if case .string(let name) = $0 { value.hasType(name) } else { false } }
            case ("enum", .array(let values)): isValid = values.contains(value)
            case ("minimum", let limit): isValid = Self.compare(limit, value, <=)
            case ("maximum", let limit): isValid = Self.compare(limit, value, >=)
            case ("pattern", .string(let pattern)):
                guard case .string(let text) = value else { continue }
                isValid = text.range(of: pattern, options: .regularExpression) != nil
            case ("anyOf", .array(let schemas)):
                isValid = try schemas.contains { try violations(value, $0, path).isEmpty }
            case ("items", let schema):
                guard case .array(let elements) = value else { continue }
                for (index, element) in elements.enumerated() {
                    found += try violations(element, schema, "\(path)[\(index)]")
                }
                continue
            case ("required", .array(let names)):
                guard case .object(let members) = value else { continue }
                isValid = names.allSatisfy { name in members.contains { .string($0.name) == name } }
            case ("properties", .object(let properties)):
                guard case .object(let members) = value else { continue }
                for member in members {
                    guard let property = properties.first(where: { $0.name == member.name }) else { continue }
                    found += try violations(member.value, property.value, "\(path).\(member.name)")
                }
                continue
            case ("additionalProperties", let rule):
                guard case .object(let members) = value else { continue }
                let known = keywords.first { $0.name == "properties" }?.value
                for member in members where !(known?.hasMember(member.name) ?? false) {
                    if rule == .boolean(false) { found.append("\(path).\(member.name): additionalProperties") }
                    found += try violations(member.value, rule, "\(path).\(member.name)")
                }
                continue
            default: throw UnknownKeyword(name: keyword.name)
            }
            if !isValid { found.append("\(path): \(keyword.name)") }
        }
        return found
    }

    private static func compare(
        _ limit: OrderedJSON, _ value: OrderedJSON, _ isOrdered: (Double, Double) -> Bool
    ) -> Bool {
        guard let limit = limit.double, let value = value.double else { return true }
        return isOrdered(limit, value)
    }
}

extension OrderedJSON {
    fileprivate var double: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }

    fileprivate func hasMember(_ name: String) -> Bool {
        guard case .object(let members) = self else { return false }
        return members.contains { $0.name == name }
    }

    fileprivate func hasType(_ name: String) -> Bool {
        switch self {
        case .null: name == "null"
        case .boolean: name == "boolean"
        case .integer: name == "integer" || name == "number"
        case .number: name == "number"
        case .string: name == "string"
        case .array: name == "array"
        case .object: name == "object"
        }
    }

    /// The document of a YAML text as editors see it (YAML 1.2, core schema); nil if it is not valid YAML.
    init?(yaml text: String) {
        guard let root = try? Yams.compose(yaml: text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text) else {
            return nil
        }
        self.init(root)
    }

    private init(_ node: Node) {
        switch node {
        case .sequence(let sequence): self = .array(sequence.map(OrderedJSON.init))
        case .mapping(let mapping):
            self = .object(mapping.map { .init($0.key.string ?? "", OrderedJSON($0.value)) })
        case .scalar(let scalar) where scalar.style == .plain: self = Self.plain(scalar.string)
        case .scalar(let scalar): self = .string(scalar.string)
        case .alias: self = .null
        }
    }

    private static func plain(_ text: String) -> OrderedJSON {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .boolean(true)
        case "false", "False", "FALSE": return .boolean(false)
        default: break
        }
        if text.wholeMatch(of: /[-+]?[0-9]+/) != nil { return Int(text).map(OrderedJSON.integer) ?? .number(.infinity) }
        if text.wholeMatch(of: /[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?/) != nil {
            return Double(text).map(OrderedJSON.number) ?? .string(text)
        }
        return .string(text)
    }
}
