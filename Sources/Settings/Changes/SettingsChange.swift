import SimpleAICore

/// One value that differs between two versions of the settings.
public struct SettingsChange: Hashable, Sendable {
    /// The key, dotted as in the file; runners and classes by their names: `runners.gpu-server.slots`.
    public let key: String
    /// The previous value as text; nil if there was none, or if the value must not be shown.
    public let from: String?
    /// The new value as text; nil if there is none, or if the value must not be shown.
    public let to: String?
    /// Whether the value takes effect only after a restart of the process.
    public let needsRestart: Bool

    init(_ key: String, from: String?, to: String?, needsRestart: Bool = false) {
        self.key = key
        self.from = from
        self.to = to
        self.needsRestart = needsRestart
    }
}

extension Settings {
    /// Applies reloaded settings to a running process.
    ///
    /// - Returns: the settings in effect, which are `new` except for keys that need a restart, and all changes. A key
    ///   that `SettingsEntry.all` does not list needs a restart.
    public func adopting(_ new: Settings) -> (settings: Settings, changes: [SettingsChange]) {
        var adopted = self
        // These settings with every listed key of `new`: any remaining difference is in an unlisted key.
        var listed = self
        var changes: [SettingsChange] = []
        for entry in SettingsEntry.all {
            let needsRestart = entry.needsRestart(self, new)
            entry.copy(new, &listed)
            if !needsRestart { entry.copy(new, &adopted) }
            let (old, new) = (entry.value(self), entry.value(new))
            guard old != new else { continue }
            // The shown text of a list may be equal although the list differs.
            let isShown = old.shown != new.shown
            changes.append(
                SettingsChange(
                    entry.key, from: isShown ? old.shown : nil, to: isShown ? new.shown : nil,
                    needsRestart: needsRestart))
        }
        adopted.adoptNamedTables(from: new)
        listed.adoptNamedTables(from: new)
        changes += classChanges(to: new) + runnerChanges(to: new)
        if listed != new { changes.append(SettingsChange("other keys", from: nil, to: nil, needsRestart: true)) }
        return (adopted, changes)
    }

    /// Applies the tables whose keys are names that the operator chose: classes and runners.
    private mutating func adoptNamedTables(from new: Settings) {
        classes = new.classes
        routing.policies = new.routing.policies
        routing.prefer = new.routing.prefer
        runners = new.runners
    }

    private func classChanges(to new: Settings) -> [SettingsChange] {
        let names = (classes + new.classes).map(\.name).uniqued
        var changes = names.flatMap { name -> [SettingsChange] in
            [
                change("classes.\(name)", from: members(of: name), to: new.members(of: name)),
                change(
                    "routing.classes.\(name).policy", from: routing.policies[name]?.rawValue,
                    to: new.routing.policies[name]?.rawValue),
                change(
                    "routing.classes.\(name).prefer", from: routing.prefer[name]?.joined(separator: ", "),
                    to: new.routing.prefer[name]?.joined(separator: ", ")),
            ].compactMap(\.self)
        }
        let (old, order) = (classes.map(\.name), new.classes.map(\.name))
        if old != order, Set(old) == Set(order) {
            changes.append(
                SettingsChange(
                    "classes", from: old.map(\.rawValue).joined(separator: ", "),
                    to: order.map(\.rawValue).joined(separator: ", ")))
        }
        return changes
    }

    private func members(of name: ClassName) -> String? {
        classes.first { $0.name == name }?.models.map(\.rawValue).joined(separator: ", ")
    }

    private func runnerChanges(to new: Settings) -> [SettingsChange] {
        (runners + new.runners).map(\.id).uniqued.flatMap { id -> [SettingsChange] in
            let (old, new) = (runners.first { $0.id == id }, new.runners.first { $0.id == id })
            switch (old, new) {
            case (let old?, let new?):
                return RunnerEntry.all.compactMap { entry in
                    let (before, after) = (entry.value(old), entry.value(new))
                    guard before != after else { return nil }
                    return SettingsChange("runners.\(id).\(entry.key)", from: before.shown, to: after.shown)
                }
            default:
                return [change("runners.\(id)", from: old?.url, to: new?.url)].compactMap(\.self)
            }
        }
    }

    private func change(_ key: String, from: String?, to: String?) -> SettingsChange? {
        from == to ? nil : SettingsChange(key, from: from, to: to)
    }
}

extension Sequence where Element: Hashable {
    /// Every element once, at its first position.
    fileprivate var uniqued: [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
