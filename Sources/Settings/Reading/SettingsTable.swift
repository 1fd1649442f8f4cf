import SimpleAICore

/// A table of the file, from which a section reads its keys. Keys that the section does not declare are reported as
/// unknown.
struct SettingsTable {
    let path: SettingsPath
    let place: SettingsPlace
    private let report: SettingsReport
    private var entries: [SettingsNode.Entry] = [] {
        didSet {
            places = Dictionary(
                entries.enumerated().map { (ExactString($1.key), $0) }, uniquingKeysWith: { first, _ in first })
        }
    }
    /// The index of each key in `entries`.
    private var places: [ExactString: Int] = [:]
    /// False if the value is not a table, in which case no key counts as missing.
    private(set) var isReadable = true
    /// The declared keys; nil if the keys are names that the operator chose.
    private var knownKeys: [String]?
    /// The declarations, for keys that are written above the table that they belong to.
    private var declarations: () -> [KeyDeclaration] = { [] }

    /// Reads the root table of the file.
    static func read(_ root: SettingsNode, report: SettingsReport, _ body: (inout SettingsTable) -> Void) {
        read(root, at: .root, place: root.place, report: report, body)
    }

    private static func read(
        _ node: SettingsNode?, at path: SettingsPath, place: SettingsPlace, report: SettingsReport,
        _ body: (inout SettingsTable) -> Void
    ) {
        var table = SettingsTable(path: path, place: place, report: report)
        switch node?.content {
        case nil, .nothing: break
        case .table(let entries): table.entries = entries
        case .broken: table.isReadable = false
        case .scalar, .list:
            table.isReadable = false
            report.problem("must be a table; put its keys below it, indented", at: path, place: place)
        }
        body(&table)
        table.reportUnknownKeys()
    }

    private init(path: SettingsPath, place: SettingsPlace, report: SettingsReport) {
        self.path = path
        self.place = place
        self.report = report
    }

    var isEmpty: Bool { entries.isEmpty }

    /// - Parameter suggestion: the end of the message, computed only if the problem is listed.
    func problem(_ message: String, at key: String? = nil, suggestion: (() -> String)? = nil) {
        let entry = key.flatMap(entry)
        report.problem(
            message, at: key.map { path[$0] } ?? path, place: entry?.place ?? place, suggestion: suggestion)
    }

    /// A problem of a key in a table below this one.
    func problem(_ message: String, at keys: [String]) {
        let path = keys.reduce(path) { $0[$1] }
        let node = SettingsNode(content: .table(entries), place: place)
        report.problem(
            message, at: path, place: node.place(of: SettingsPath(components: keys.map { .key($0) })))
    }

    func warning(_ message: String, at key: String) {
        report.warning(message, at: path[key], place: entry(key)?.place ?? place)
    }

    /// Whether a key, or a value below it, already has a problem.
    func hasProblem(at key: String) -> Bool {
        report.hasProblem(at: path[key])
    }

    /// Whether the file or the environment contains a value for a key.
    private func isPresent(_ key: String) -> Bool {
        guard let entry = entry(key) else { return false }
        return entry.value.content != .nothing
    }

    /// Whether a key is missing from a readable table.
    func lacks(_ key: String) -> Bool { isReadable && !isPresent(key) }

    private func entry(_ key: String) -> SettingsNode.Entry? {
        places[ExactString(key)].map { entries[$0] }
    }

    /// Whether a key has a value other than an empty text, list or table.
    func hasValue(_ key: String) -> Bool {
        switch entry(key)?.value.content {
        case nil, .nothing, .scalar(""), .list([]), .table([]), .broken: false
        case .scalar, .list, .table: true
        }
    }

    /// Declares the table's keys; all others are unknown.
    mutating func declare(_ keys: [String], _ declarations: @escaping () -> [KeyDeclaration] = { [] }) {
        knownKeys = keys
        self.declarations = declarations
    }

    /// Declares the keys of a section, and reads them.
    mutating func read<Owner>(_ keys: [Key<Owner>], into owner: inout Owner) {
        let current = owner
        declare(keys.map(\.name)) { keys.map { $0.declaration(current) } }
        for key in keys { key.read(&self, &owner) }
    }

    private func reportUnknownKeys() {
        guard let knownKeys else { return }
        let known = Set(knownKeys.map { ExactString($0) })
        for entry in entries where !known.contains(ExactString(entry.key)) {
            report.problem("is unknown; ", at: path[entry.key], place: entry.place) {
                (keyInTable(below: entry.key) ?? Spelling.nearest(to: entry.key, among: knownKeys))
                    .map { "did you mean `\($0)`?" } ?? "known keys: \(knownKeys.joined(separator: ", "))"
            }
        }
    }

    /// The path of the only key with this name in the tables below this one; nil if there is none, or more than one.
    private func keyInTable(below name: String) -> String? {
        let matches = declarations().all.filter { path, declaration in
            declaration.name.isExactly(name) && !path.components.contains(.anyIndex)
        }
        return matches.count == 1 ? matches[0].path.description : nil
    }
}

// MARK: - Single values

extension SettingsTable {
    /// The value of a key; nil if it is absent or invalid.
    mutating func read<Value>(_ key: String, _ kind: SettingsKind<Value>) -> Value? {
        guard let entry = entry(key) else { return nil }
        return scalar(entry.value, kind, at: path[key], place: entry.place)
    }

    /// A key without a default. `advice` states how to fix its absence.
    mutating func required<Value>(_ key: String, _ kind: SettingsKind<Value>, _ advice: String) -> Value? {
        let value = read(key, kind)
        if lacks(key) { problem("is required; \(advice)", at: key) }
        return value
    }

    /// A secret, or the file that contains it: `key` or `key_file`. No message contains its value.
    mutating func secret<Value>(_ key: String, _ kind: SettingsKind<Value>) -> Value? {
        let fileKey = key + "_file"
        let written = read(key, kind)
        guard let path = read(fileKey, .text), !path.isEmpty else { return written }
        guard !hasValue(key) else {
            problem("conflicts with \(key); keep one of them", at: fileKey)
            return nil
        }
        warnIfWorldReadable(path, at: fileKey)
        do {
            return try kind.read(SecretFile.contents(of: path))
        } catch {
            problem(error.message, at: fileKey)
            return nil
        }
    }

    /// Warns about a file with a secret that every user of this machine can read.
    func warnIfWorldReadable(_ path: String, at key: String) {
        guard let mode = ReadableFile.modeIfWorldReadable(path) else { return }
        warning("\(quoted(path)) is readable by every user of this machine (mode \(mode)); use chmod o= on it", at: key)
    }

    /// The text of a single value, before it is read as its kind.
    func text(of key: String) -> String? {
        guard case .scalar(let text) = entry(key)?.value.content else { return nil }
        return text
    }

    /// The value of a key as written.
    func node(of key: String) -> SettingsNode? { entry(key)?.value }

    /// Converts a key that is a name chosen by the operator.
    func name<Value: Name>(_ key: String, _ kind: SettingsKind<Value>) -> Value {
        do {
            return try kind.read(key)
        } catch {
            problem("the name \(error.message)", at: key)
            return Value(key)
        }
    }

    private func scalar<Value>(
        _ node: SettingsNode, _ kind: SettingsKind<Value>, at path: SettingsPath, place: SettingsPlace
    ) -> Value? {
        switch node.content {
        case .nothing, .broken:
            return nil
        case .list, .table:
            report.problem("must be a single value; use \(kind.example)", at: path, place: place)
            return nil
        case .scalar(let text):
            do {
                return try kind.read(text)
            } catch {
                report.problem(error.message, at: path, place: place)
                return nil
            }
        }
    }
}

// MARK: - Lists

extension SettingsTable {
    /// A list of single values; nil if the key is absent. Invalid elements are omitted.
    mutating func list<Value>(_ key: String, of kind: SettingsKind<Value>) -> [Value]? {
        elements(key)?.enumerated().compactMap { index, node in
            scalarElement(node, kind, at: path[key][index])
        }
    }

    /// One value, or a list of values.
    mutating func oneOrMore<Value>(_ key: String, _ kind: SettingsKind<Value>) -> [Value]? {
        if let entry = entry(key), case .scalar = entry.value.content { return read(key, kind).map { [$0] } }
        return list(key, of: kind)
    }

    /// One value, or a list of values, as distinct cases.
    mutating func oneOrList<Value>(_ key: String, _ kind: SettingsKind<Value>) -> OneOrMore<Value>? {
        if let entry = entry(key), case .scalar = entry.value.content { return read(key, kind).map(OneOrMore.one) }
        return list(key, of: kind).map(OneOrMore.more)
    }

    /// A list whose elements are single values, lists of them, or tables. Invalid elements are omitted.
    mutating func mixedList<Value, Element>(
        _ key: String, of kind: SettingsKind<Value>, values: (OneOrMore<Value>) -> Element,
        tables: (inout SettingsTable) -> Element?
    ) -> [Element]? {
        elements(key)?.enumerated().compactMap { index, node in
            let path = path[key][index]
            switch node.content {
            case .list(let elements):
                return values(.more(elements.enumerated().compactMap { scalarElement($1, kind, at: path[$0]) }))
            case .table:
                var element: Element?
                Self.read(node, at: path, place: node.place, report: report) { element = tables(&$0) }
                return element
            case .nothing, .scalar, .broken:
                return scalarElement(node, kind, at: path).map { values(.one($0)) }
            }
        }
    }

    enum OneOrMore<Value> {
        case one(Value)
        case more([Value])
    }

    /// A list of tables.
    mutating func tables(_ key: String, _ body: (inout SettingsTable) -> Void) {
        let elements = elements(key) ?? []
        for (index, node) in elements.enumerated() {
            Self.read(node, at: path[key][index], place: node.place, report: report, body)
        }
    }

    private mutating func elements(_ key: String) -> [SettingsNode]? {
        guard let entry = entry(key) else { return nil }
        switch entry.value.content {
        case .nothing, .broken: return nil
        case .list(let elements): return elements
        case .scalar, .table:
            problem("must be a list; use [first, second] or one `- element` per line", at: key)
            return nil
        }
    }

    private func scalarElement<Value>(
        _ node: SettingsNode, _ kind: SettingsKind<Value>, at path: SettingsPath
    ) -> Value? {
        if node.content == .nothing {
            report.problem("is empty; set \(kind.example) or remove it", at: path, place: node.place)
        }
        return scalar(node, kind, at: path, place: node.place)
    }
}

// MARK: - Tables in tables

extension SettingsTable {
    mutating func section(_ key: String, _ body: (inout SettingsTable) -> Void) {
        let entry = entry(key)
        Self.read(entry?.value, at: path[key], place: entry?.place ?? place, report: report, body)
    }

    /// Reads a table whose keys are names that the operator chose: `body` is called once per name, in the file's order,
    /// with the name's table.
    mutating func names(in key: String, _ body: (inout SettingsTable, String) -> Void) {
        section(key) { table in
            for entry in table.entries { body(&table, entry.key) }
        }
    }
}
