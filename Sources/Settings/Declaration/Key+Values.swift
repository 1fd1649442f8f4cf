// The declarations of keys with values. Each sets one property.

extension Key {
    /// A single value.
    /// - Parameters:
    ///   - advice: for a key without a default, how to fix its absence.
    ///   - defaultNote: describes a default that depends on something else.
    init<Value: Hashable>(
        _ name: String, _ property: WritableKeyPath<Owner, Value>, _ kind: SettingsKind<Value>,
        required advice: String? = nil, defaultNote: String? = nil, reload: ReloadRule = .live, _ description: String
    ) {
        self.init(
            name, property, as: .value(kind), default: { kind.form.json(kind.write($0)) }, defaultNote: defaultNote,
            isRequired: advice != nil, reload: reload, shown: kind.write, description
        ) { table, owner in
            if let value = table.read(name, kind) { owner[keyPath: property] = value }
            if let advice, table.lacks(name) { table.problem("is required; \(advice)", at: name) }
        }
    }

    /// A single value without a fixed default.
    init<Value: Hashable>(
        _ name: String, optional property: WritableKeyPath<Owner, Value?>, _ kind: SettingsKind<Value>,
        defaultNote: String, reload: ReloadRule = .live, _ description: String
    ) {
        self.init(
            name, property, as: .value(kind), defaultNote: defaultNote, reload: reload, shown: { $0.map(kind.write) },
            description
        ) { table, owner in
            if let value = table.read(name, kind) { owner[keyPath: property] = value }
        }
    }

    /// A list of values.
    /// - Parameter isSecret: whether reports of changes must not contain the values.
    init<Value: Hashable>(
        _ name: String, list property: WritableKeyPath<Owner, [Value]>, of kind: SettingsKind<Value>,
        defaultNote: String? = nil, isSecret: Bool = false, reload: ReloadRule = .live, _ description: String
    ) {
        self.init(
            name, property, as: .list(of: kind), default: kind.json, defaultNote: defaultNote, reload: reload,
            shown: { isSecret ? nil : kind.write($0) }, description
        ) { table, owner in
            if let values = table.list(name, of: kind) { owner[keyPath: property] = values }
        }
    }

    /// A value, or a list of values.
    init<Value: Hashable>(
        _ name: String, oneOrMore property: WritableKeyPath<Owner, [Value]>, of kind: SettingsKind<Value>,
        isRequired: Bool = false, reload: ReloadRule = .live, _ description: String
    ) {
        self.init(
            name, property, as: .oneOrMore(kind), default: kind.json, isRequired: isRequired, reload: reload,
            shown: { kind.write($0) }, description
        ) { table, owner in
            if let values = table.oneOrMore(name, kind) { owner[keyPath: property] = values }
        }
    }

    /// A secret, either as `name` or as `name_file`, the path of a file that contains it. Reports contain neither.
    static func secret<Value: Hashable>(
        _ name: String, _ property: WritableKeyPath<Owner, Value>, _ kind: SettingsKind<Value>,
        defaultNote: String? = nil, reload: ReloadRule = .live, _ description: String
    ) -> [Key] {
        [
            Key(
                name, property, as: .value(kind), default: { kind.form.json(kind.write($0)) },
                defaultNote: defaultNote, reload: reload, shown: { _ in nil }, description
            ) { table, owner in
                if let value = table.secret(name, kind) { owner[keyPath: property] = value }
            },
            .file(of: name, reload: reload),
        ]
    }

    /// The key `name_file`, which is read together with the secret `name`.
    static func file(of name: String, reload: ReloadRule = .live) -> Key {
        companion(
            "\(name)_file", as: .value(SettingsKind.path), default: .string(""), reload: reload,
            "A file that contains `\(name)`.")
    }

    /// A key that is read together with another one.
    static func companion(
        _ name: String, as shape: @escaping @autoclosure () -> KeyShape, default standard: OrderedJSON? = nil,
        defaultNote: String? = nil, reload: ReloadRule = .live, _ description: String
    ) -> Key {
        Key(
            name,
            declaration: { _ in
                var declaration = KeyDeclaration(name, description, shape())
                declaration.standard = standard
                declaration.defaultNote = defaultNote
                declaration.reload = reload
                return declaration
            }, read: { _, _ in }, changes: { _, _, _ in [] }, adopt: { _, _, _ in })
    }

    /// A key of any other form.
    /// - Parameters:
    ///   - standard: the default in JSON, from the property's initial value.
    ///   - needsRestart: whether a change needs a restart, if the rule does not decide it alone.
    ///   - shown: the value in reports of changes; nil if it must not be shown.
    init<Value: Hashable>(
        _ name: String, _ property: WritableKeyPath<Owner, Value>, as shape: @escaping @autoclosure () -> KeyShape,
        default standard: @escaping (Value) -> OrderedJSON? = { _ in nil }, defaultNote: String? = nil,
        isRequired: Bool = false, reload: ReloadRule = .live,
        needsRestart: ((_ old: Value, _ new: Value) -> Bool)? = nil,
        shown: @escaping (Value) -> String? = { _ in nil }, _ description: String,
        read: @escaping (inout SettingsTable, inout Owner) -> Void
    ) {
        let needsRestart = needsRestart ?? { _, _ in reload == .restart }
        self.init(
            name,
            declaration: { owner in
                var declaration = KeyDeclaration(name, description, shape())
                let hasDefault = !isRequired && defaultNote == nil
                declaration.standard = hasDefault ? standard(owner[keyPath: property]) : nil
                declaration.defaultNote = defaultNote
                declaration.isRequired = isRequired
                declaration.reload = reload
                return declaration
            },
            read: read,
            changes: { old, new, prefix in
                let (old, new) = (old[keyPath: property], new[keyPath: property])
                guard old != new else { return [] }
                // The shown text of two different lists may be the same.
                let (from, to) = shown(old) == shown(new) ? (nil, nil) : (shown(old), shown(new))
                return [SettingsChange(prefix + name, from: from, to: to, needsRestart: needsRestart(old, new))]
            },
            adopt: { new, running, adoption in
                let value = new[keyPath: property]
                switch adoption {
                case .live where needsRestart(running[keyPath: property], value): break
                case .live, .all: running[keyPath: property] = value
                }
            })
    }
}

extension SettingsKind {
    fileprivate func json(_ values: [Value]) -> OrderedJSON { .array(values.map { form.json(write($0)) }) }
    fileprivate func write(_ values: [Value]) -> String { values.map(write).joined(separator: ", ") }
}
