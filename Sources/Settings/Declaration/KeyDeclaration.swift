/// What the reference, the schema and the checks of the examples use of a key's declaration.
struct KeyDeclaration {
    let name: String
    /// One sentence, which the example file contains, too.
    let description: String
    let shape: KeyShape
    /// Nil if the key has no fixed default.
    var standard: OrderedJSON?
    /// Describes a default that depends on something else, such as the host name.
    var defaultNote: String?
    var isRequired = false
    var reload: ReloadRule = .live
    /// The name of the key in the previous release, which is still accepted.
    var formerName: String?

    init(_ name: String, _ description: String, _ shape: KeyShape) {
        self.name = name
        self.description = description
        self.shape = shape
    }
}

/// When a changed key takes effect in a running gateway.
enum ReloadRule: Hashable {
    /// On SIGHUP.
    case live
    /// After a restart of the process.
    case restart
    /// On SIGHUP, except for the described changes, which need a restart.
    case liveExcept(String)
}

/// The form of a key's value in the file.
indirect enum KeyShape {
    case value(ValueForm, example: String)
    case list(KeyShape)
    case section([KeyDeclaration])
    /// A table whose keys are names that the operator chooses; the placeholder stands for them in the reference.
    case names(placeholder: String, KeyShape)
    case anyOf([KeyShape])

    static func value<Value>(_ kind: SettingsKind<Value>) -> KeyShape {
        .value(kind.form, example: kind.range.map { "\(kind.example) (\($0))" } ?? kind.example)
    }
    static func list<Value>(of kind: SettingsKind<Value>) -> KeyShape { .list(.value(kind)) }
    static func oneOrMore<Value>(_ kind: SettingsKind<Value>) -> KeyShape {
        .anyOf([.value(kind), .list(of: kind)])
    }
    static func section<Section: SettingsSection>(_ type: Section.Type) -> KeyShape { .section(type.declarations) }
    static func sections<Section: SettingsSection>(_ type: Section.Type) -> KeyShape { .list(.section(type)) }
}

/// The form of a single value: the part of its kind that a schema can express. Values that contain `${NAME}` are
/// checked only when they are read.
enum ValueForm: Hashable {
    /// Any scalar, read as written.
    case text
    case integer(ClosedRange<Int>)
    case number(ClosedRange<Double>)
    case flag
    case choice([String])
    case integerChoice([Int])
    /// A text that matches a regular expression.
    case pattern(String)
    /// Any value: a scalar, a list or a table.
    case any

    /// A value of this form, from the text of the settings file.
    func json(_ text: String) -> OrderedJSON {
        switch self {
        case .integer, .integerChoice: Int(text).map(OrderedJSON.integer) ?? .string(text)
        case .number: Double(text).map(OrderedJSON.number) ?? .string(text)
        case .flag: .boolean(text == "true")
        case .text, .choice, .pattern, .any: .string(text)
        }
    }
}

extension KeyDeclaration {
    /// This key and all keys below it, each with its path.
    func withDescendants(below path: SettingsPath) -> [(path: SettingsPath, declaration: KeyDeclaration)] {
        let path = path[name]
        return [(path, self)] + shape.descendants(below: path)
    }
}

extension KeyShape {
    fileprivate func descendants(below path: SettingsPath) -> [(path: SettingsPath, declaration: KeyDeclaration)] {
        switch self {
        case .value: []
        case .section(let keys): keys.flatMap { $0.withDescendants(below: path) }
        case .list(let element): element.descendants(below: path.appending(.anyIndex))
        case .names(let placeholder, let element): element.descendants(below: path.appending(.anyKey(placeholder)))
        case .anyOf(let shapes): shapes.flatMap { $0.descendants(below: path) }
        }
    }

    /// Whether values have no keys below them.
    var isLeaf: Bool { descendants(below: .root).isEmpty }
}

extension [KeyDeclaration] {
    /// All keys, each followed by those below it.
    var all: [(path: SettingsPath, declaration: KeyDeclaration)] { flatMap { $0.withDescendants(below: .root) } }
}
