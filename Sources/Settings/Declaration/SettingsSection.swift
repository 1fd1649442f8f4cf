/// A part of a settings file: its keys, declared once, and the rules that involve several of them.
protocol SettingsSection {
    /// The section without a key: its properties are the defaults.
    static var defaults: Self { get }

    /// In the order of the reference. A key may use the values of those before it.
    @KeyBuilder<Self> static var keys: [Key<Self>] { get }

    /// Called when all keys are read. Reports problems and warnings, and replaces values that depend on others.
    mutating func check(in table: SettingsTable)
}

extension SettingsSection {
    mutating func check(in table: SettingsTable) {}

    static var declarations: [KeyDeclaration] { keys.map { $0.declaration(defaults) } }

    /// Reads all keys of a table.
    /// - Parameter keys: computed once for a list of sections.
    mutating func read(from table: inout SettingsTable, _ keys: [Key<Self>] = Self.keys) {
        table.read(keys, into: &self)
        check(in: table)
    }

    /// Reads a complete file, in which a key may have its former name.
    mutating func read(_ tree: inout SettingsNode, report: SettingsReport) {
        tree.renameFormerKeys(Self.declarations, report: report)
        SettingsTable.read(tree, report: report) { read(from: &$0) }
    }
}
