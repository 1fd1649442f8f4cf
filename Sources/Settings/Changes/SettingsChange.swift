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
    /// Applies reloaded settings to a running process, as the keys' declarations state.
    ///
    /// - Returns: the settings in effect, which are `new` except for keys that need a restart, and all changes.
    public func adopting(_ new: Settings) -> (settings: Settings, changes: [SettingsChange]) { applying(new) }
}

extension SettingsSection where Self: Equatable {
    /// Applies new settings. A change of a property without a key needs a restart.
    func applying(_ new: Self) -> (settings: Self, changes: [SettingsChange]) {
        let keys = Self.keys
        var changes = keys.flatMap { $0.changes(self, new, "") }
        // These settings with every key of `new`: any remaining difference is in a property without a key.
        var (adopted, declared) = (self, self)
        for key in keys {
            key.adopt(new, &adopted, .live)
            key.adopt(new, &declared, .all)
        }
        if declared != new { changes.append(SettingsChange("other keys", from: nil, to: nil, needsRestart: true)) }
        return (adopted, changes)
    }
}

extension Sequence where Element: Hashable {
    /// Every element once, at its first position.
    var uniqued: [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
