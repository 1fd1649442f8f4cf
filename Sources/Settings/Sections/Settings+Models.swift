import SimpleAICore

extension Key where Owner == Settings {
    static var modelAliases: Key {
        let target = SettingsKind<ModelRequest>.modelRequest
        return Key(
            "aliases", \.models.aliases,
            as: .names(placeholder: "NAME", .anyOf([.value(target), .section(AliasEntry.self)])),
            default: { _ in .object([]) },
            "Public names, with * for any characters, each for a class or a model: \"gpt-4o-mini*\": class:fast."
        ) { table, settings in
            settings.readAliases(from: &table, target)
        }
        .reporting { old, new, prefix in
            Settings.changes(old.models.aliases, new.models.aliases, "\(prefix)aliases.", \.pattern, \.shown)
        }
    }

    static var modelParameters: Key {
        Key(
            "parameters", \.models.parameters,
            as: .names(placeholder: "NAME", .section(ParameterEntry.self)), default: { _ in .object([]) },
            "Changes to the bodies of calls, by class:NAME, alias or model id, with * for any characters."
        ) { table, settings in
            settings.readParameters(from: &table)
        }
        .reporting { old, new, prefix in
            Settings.changes(
                old.models.parameters, new.models.parameters, "\(prefix)parameters.", \.pattern, \.edits.description)
        }
    }
}

extension Settings {
    /// The changes of a table with names that the operator chose.
    fileprivate static func changes<Entry: Equatable>(
        _ old: [Entry], _ new: [Entry], _ prefix: String, _ name: (Entry) -> WildcardName, _ text: (Entry) -> String
    ) -> [SettingsChange] {
        (old + new).map(name).uniqued.compactMap { pattern in
            let (from, to) = (old.first { name($0) == pattern }, new.first { name($0) == pattern })
            return from == to
                ? nil : SettingsChange("\(prefix)\(pattern)", from: from.map(text), to: to.map(text))
        }
    }

    fileprivate mutating func readAliases(from table: inout SettingsTable, _ target: SettingsKind<ModelRequest>) {
        let keys = AliasEntry.keys
        table.names(in: "aliases") { table, name in
            _ = table.name(name, .model)
            var entry = AliasEntry.defaults
            if case .table = table.node(of: name)?.content {
                table.section(name) { entry.read(from: &$0, keys) }
            } else if let read = table.required(name, target, "set \(target.example)") {
                entry.target = read
            }
            // An invalid entry is kept, so that its name is known to other checks.
            models.aliases.append(entry.alias(WildcardName(name)))
        }
    }

    fileprivate mutating func readParameters(from table: inout SettingsTable) {
        let keys = ParameterEntry.keys
        table.names(in: "parameters") { table, name in
            _ = table.name(name, .model)
            var entry = ParameterEntry.defaults
            table.section(name) { entry.read(from: &$0, keys) }
            models.parameters.append(ModelParameters(WildcardName(name), entry.edits))
        }
    }
}

extension ModelAlias {
    /// The entry in reports of changes.
    fileprivate var shown: String {
        var text = "\(target)"
        if isListed { text += ", listed" }
        if keepsName { text += ", keep_name" }
        return displayName.isEmpty ? text : "\(text), \(JSONString.encode(displayName))"
    }
}

/// One entry of `models.aliases`, written as a table.
private struct AliasEntry: SettingsSection {
    var target = ModelRequest.exactly("")
    var isListed = false
    var keepsName = false
    var displayName = ""

    static var defaults: Self { .init() }

    static var keys: [Key<Self>] {
        Key(
            "target", \.target, .modelRequest, required: "set class:NAME or a model id",
            "The class (class:NAME) or the model, whose rights apply.")
        Key(
            "listed", \.isListed, .flag,
            "Whether the name appears in the model lists of callers that may use the target; for names without *.")
        Key(
            "keep_name", \.keepsName, .flag,
            "Whether responses contain the name that the client requested, instead of the id of the model that served.")
        Key(
            "display_name", \.displayName, .optionalName("a name"),
            "The name that clients show to people in their model lists.")
    }

    func check(in table: SettingsTable) {
        if !displayName.isEmpty, !isListed {
            table.warning(
                "is never shown, because the alias is not in model lists; set listed: true", at: "display_name")
        }
    }

    func alias(_ pattern: WildcardName) -> ModelAlias {
        ModelAlias(pattern, target: target, isListed: isListed, keepsName: keepsName, displayName: displayName)
    }
}

/// One entry of `models.parameters`.
private struct ParameterEntry: SettingsSection {
    var edits = BodyEdits()

    static var defaults: Self { .init() }

    static var keys: [Key<Self>] {
        Key(
            "remove", \.edits.removed, as: .list(of: .bodyPath), default: { _ in .array([]) },
            "Keys that are removed from bodies first; a dot leads to a key inside an object, such as "
                + "[logit_bias, chat_template_kwargs.enable_thinking]."
        ) { table, entry in
            entry.edits.removed = table.list("remove", of: .bodyPath) ?? []
        }
        Key.values("default", \.edits.defaults, "Keys that are set if they are absent, such as { temperature: 0.7 }.")
        Key.values("force", \.edits.forced, "Keys that are always set.")
        Key(
            "max", \.edits.maxima, as: .names(placeholder: "KEY", .value(SettingsKind.jsonNumber)),
            default: { _ in .object([]) },
            "The maximum values of numbers, such as { max_tokens: 4096 }; absent keys stay absent."
        ) { table, entry in
            table.names(in: "max") { table, key in
                guard let path = table.bodyPath(key),
                    let number = table.required(key, .jsonNumber, "set the maximum value")
                else { return }
                entry.edits.maxima.append(.init(path, Array(number.utf8)))
            }
        }
    }

    func check(in table: SettingsTable) {
        if edits.isEmpty, ["remove", "default", "force", "max"].allSatisfy({ !table.hasProblem(at: $0) }) {
            table.problem("changes nothing; set remove, default, force or max")
        }
        let paths = edits.paths.uniqued
        for (index, path) in paths.enumerated() {
            guard let outer = paths[..<index].first(where: path.overlaps) else { continue }
            table.problem("addresses `\(outer)` and `\(path)`, which overlap; write both in one way")
        }
    }
}

extension Key where Owner == ParameterEntry {
    /// A table of values of body keys.
    fileprivate static func values(
        _ name: String, _ property: WritableKeyPath<Owner, [BodyEdits.Assignment]>, _ description: String
    ) -> Key {
        Key(
            name, property, as: .names(placeholder: "KEY", .value(.any, example: "any value")),
            default: { _ in .object([]) }, description
        ) { table, owner in
            table.names(in: name) { table, key in
                guard let path = table.bodyPath(key), let node = table.node(of: key) else { return }
                guard node.content != .nothing else {
                    return table.problem("is empty; set a value, or list the key under remove", at: key)
                }
                owner[keyPath: property].append(.init(path, Array(node.json.utf8)))
            }
        }
    }
}

extension SettingsTable {
    /// The path of a body that a key names; nil if it is not valid.
    fileprivate func bodyPath(_ key: String) -> BodyEdits.Path? {
        do {
            return try SettingsKind.bodyPath.read(key)
        } catch {
            problem(error.message, at: key)
            return nil
        }
    }
}

extension SettingsKind where Value == BodyEdits.Path {
    fileprivate static var bodyPath: Self {
        .init("a key of the body, such as temperature or chat_template_kwargs.enable_thinking") {
            text throws(SettingsMismatch) in
            guard let path = BodyEdits.Path(text) else {
                throw .init(
                    "\(quoted(text)) is not a key of a body; use keys separated by dots, at most "
                        + "\(BodyEdits.Path.maxDepth)")
            }
            if let reason = path.reservation { throw .init("\(quoted(text)) cannot be changed: \(reason)") }
            return path
        }
    }
}

extension SettingsKind where Value == ModelRequest {
    fileprivate static var modelRequest: Self {
        SettingsKind<String>.name("class:NAME or a model id").map { ModelRequest(field: $0, defaultClass: "") }
    }
}

extension SettingsKind where Value == String {
    /// A number as JSON writes it.
    fileprivate static var jsonNumber: Self {
        .init("a number", form: .number(-1e300...1e300)) { text throws(SettingsMismatch) in
            guard SettingsNode.isJSONNumber(text), let number = Double(text), number.isFinite else {
                throw .init("\(quoted(text)) is not a number; use a number such as 4096 or 0.5")
            }
            return text
        }
    }
}
