// JSON Schema (draft 2020-12) of settings files. It refuses only what reading refuses: a value may contain a reference
// to an environment variable, a key without a value counts as absent, and texts may look like numbers.

extension OrderedJSON {
    /// The schema of a settings file.
    static func schema(of keys: [KeyDeclaration], title: String, description: String) -> OrderedJSON {
        let heading: [Member] = [
            Member("$schema", .string("https://json-schema.org/draft/2020-12/schema")), Member("title", .string(title)),
            Member("description", .string(description)),
        ]
        return .object(heading + table(keys, mayBeEmpty: false))
    }

    private static func table(_ keys: [KeyDeclaration], mayBeEmpty: Bool) -> [Member] {
        let required = keys.filter(\.isRequired).map(\.name)
        let members =
            types(["object"], mayBeEmpty: mayBeEmpty)
            + [
                Member("additionalProperties", .boolean(false)),
                Member("properties", .object(keys.flatMap(properties))),
            ]
        return required.isEmpty ? members : members + [Member("required", .strings(required))]
    }

    private static func properties(_ key: KeyDeclaration) -> [Member] {
        var members = [Member("description", .string(key.description))]
        if let standard = key.standard { members.append(Member("default", standard)) }
        let schema = schema(of: key.shape, mayBeEmpty: !key.isRequired)
        let property = Member(key.name, .object(members + schema))
        guard let formerName = key.formerName else { return [property] }
        let former: [Member] = [
            Member("description", .string("Renamed to `\(key.name)`.")), Member("deprecated", .boolean(true)),
        ]
        return [property, Member(formerName, .object(former + schema))]
    }

    /// - Parameter mayBeEmpty: whether the value may be omitted after the key.
    private static func schema(of shape: KeyShape, mayBeEmpty: Bool) -> [Member] {
        switch shape {
        case .value(let form, _): schema(of: form, mayBeEmpty: mayBeEmpty)
        case .section(let keys): table(keys, mayBeEmpty: mayBeEmpty)
        case .list(let element):
            types(["array"], mayBeEmpty: mayBeEmpty)
                + [Member("items", .object(schema(of: element, mayBeEmpty: element.isTable)))]
        case .names(_, let element):
            types(["object"], mayBeEmpty: mayBeEmpty)
                + [Member("additionalProperties", .object(schema(of: element, mayBeEmpty: element.isTable)))]
        case .anyOf(let shapes):
            [Member("anyOf", .array(shapes.map { .object(schema(of: $0, mayBeEmpty: mayBeEmpty)) }))]
        }
    }

    private static func schema(of form: ValueForm, mayBeEmpty: Bool) -> [Member] {
        func matching(_ pattern: String) -> Member { Member("pattern", .string(pattern + "|" + reference)) }
        switch form {
        case .any:
            return []
        case .text:
            return types(["string", "number", "boolean"], mayBeEmpty: mayBeEmpty)
        case .integer(let range):
            return types(["integer", "string"], mayBeEmpty: mayBeEmpty) + [
                Member("minimum", .integer(range.lowerBound)), Member("maximum", .integer(range.upperBound)),
                matching("^-?[0-9]+$"),
            ]
        case .number(let range):
            return types(["number", "string"], mayBeEmpty: mayBeEmpty) + [
                Member("minimum", .number(range.lowerBound)), Member("maximum", .number(range.upperBound)),
                matching("^[0-9.eE+-]+$"),
            ]
        case .flag:
            return types(["boolean", "string"], mayBeEmpty: mayBeEmpty)
                + [matching("^([Tt]rue|TRUE|[Ff]alse|FALSE)$")]
        case .pattern(let pattern):
            return types(["string"], mayBeEmpty: mayBeEmpty) + [matching(pattern)]
        case .choice(let names):
            return choice(names.map(OrderedJSON.string), mayBeEmpty: mayBeEmpty)
        case .integerChoice(let numbers):
            return choice(
                numbers.map(OrderedJSON.integer) + numbers.map { .string("\($0)") }, mayBeEmpty: mayBeEmpty)
        }
    }

    private static func choice(_ values: [OrderedJSON], mayBeEmpty: Bool) -> [Member] {
        let names = OrderedJSON.object([Member("enum", .array(values + (mayBeEmpty ? [.null] : [])))])
        let variable = OrderedJSON.object([Member("type", .string("string")), Member("pattern", .string(reference))])
        return [Member("anyOf", .array([names, variable]))]
    }

    private static func types(_ names: [String], mayBeEmpty: Bool) -> [Member] {
        let names = names + (mayBeEmpty ? ["null"] : [])
        return [Member("type", names.count == 1 ? .string(names[0]) : .strings(names))]
    }

    /// A text with `${NAME}`.
    private static var reference: String { #"\$\{"# }
}

extension KeyShape {
    /// Whether the value is a table, which may be empty as an element of a list, too.
    fileprivate var isTable: Bool {
        switch self {
        case .section, .names: true
        case .value, .list, .anyOf: false
        }
    }
}
