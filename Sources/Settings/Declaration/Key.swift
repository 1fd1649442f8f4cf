/// A settings key of a section, declared once: its name, kind, constraints, reload rule and description. Its default is
/// the initial value of the property that it sets.
///
/// From the keys of a section come reading and its checks, unknown keys with the nearest name, the report of changes and
/// what a running process adopts, the reference (docs/reference/settings.md) and the JSON Schema.
struct Key<Owner> {
    let name: String
    /// Returns what documents state. The argument is a section whose properties have their defaults.
    private(set) var declaration: (Owner) -> KeyDeclaration
    /// Reads the key from a table, and reports its problems. Without a valid value, the section keeps its own.
    let read: (inout SettingsTable, inout Owner) -> Void
    /// The changes from an old section to a new one; their keys begin with the prefix.
    private(set) var changes: (_ old: Owner, _ new: Owner, _ prefix: String) -> [SettingsChange]
    /// Copies the value of a new section to a running one.
    let adopt: (_ new: Owner, _ running: inout Owner, KeyAdoption) -> Void

    init(
        _ name: String, declaration: @escaping (Owner) -> KeyDeclaration,
        read: @escaping (inout SettingsTable, inout Owner) -> Void,
        changes: @escaping (_ old: Owner, _ new: Owner, _ prefix: String) -> [SettingsChange],
        adopt: @escaping (_ new: Owner, _ running: inout Owner, KeyAdoption) -> Void
    ) {
        self.name = name
        self.declaration = declaration
        self.read = read
        self.changes = changes
        self.adopt = adopt
    }

    /// The same key, which had another name in the previous release. A file with that name is read with a warning.
    func renamed(from formerName: String) -> Key {
        var key = self
        let declaration = declaration
        key.declaration = { owner in
            var renamed = declaration(owner)
            renamed.formerName = formerName
            return renamed
        }
        return key
    }

    /// The same key, whose changes are reported one by one, for tables with names that the operator chooses.
    func reporting(_ changes: @escaping (_ old: Owner, _ new: Owner, _ prefix: String) -> [SettingsChange]) -> Key {
        var key = self
        key.changes = changes
        return key
    }
}

/// Which changes of keys are copied to running settings.
enum KeyAdoption {
    case all
    /// Only changes that need no restart.
    case live
}

/// Lists the keys of a section, one per statement.
@resultBuilder enum KeyBuilder<Owner> {
    static func buildExpression(_ key: Key<Owner>) -> [Key<Owner>] { [key] }
    static func buildExpression(_ keys: [Key<Owner>]) -> [Key<Owner>] { keys }
    static func buildBlock(_ keys: [Key<Owner>]...) -> [Key<Owner>] { keys.flatMap(\.self) }
}
