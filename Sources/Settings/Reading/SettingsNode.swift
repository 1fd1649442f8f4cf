import SimpleAICore

/// The position of a value in its source.
struct SettingsPlace: Hashable, Sendable {
    var file: String
    /// Counted from 1; 0 for the environment and for a file as a whole.
    var line: Int
}

/// A value as written: text that is not yet parsed as a number or duration, with its position.
struct SettingsNode: Hashable, Sendable {
    enum Content: Hashable, Sendable {
        /// `key:`, `key: ~` or `key: null`: the same as an absent key.
        case nothing
        case scalar(String)
        case list([SettingsNode])
        case table([Entry])
        /// The value's problem has already been reported; it must not cause another one.
        case broken
    }

    struct Entry: Hashable, Sendable {
        var key: String
        /// The position of the key.
        var place: SettingsPlace
        var value: SettingsNode
    }

    var content: Content
    var place: SettingsPlace
    /// Whether a scalar is written in quotes, so that it is a text whatever it contains.
    var isQuoted = false

    /// The position of a value or, if it is absent, of its enclosing value.
    func place(of path: SettingsPath) -> SettingsPlace { follow(path).place }

    /// Whether a value other than `nothing` is written at a path.
    func hasValue(_ path: SettingsPath) -> Bool {
        guard let node = follow(path).node else { return false }
        return node.content != .nothing
    }

    /// The keys of the table at a path; empty if there is no table.
    func keys(of path: SettingsPath) -> [String] {
        guard case .table(let entries) = follow(path).node?.content else { return [] }
        return entries.map(\.key)
    }

    private func follow(_ path: SettingsPath) -> (node: SettingsNode?, place: SettingsPlace) {
        var (node, place) = (self, self.place)
        for component in path.components {
            switch (component, node.content) {
            case (.key(let key), .table(let entries)):
                guard let entry = entries.first(where: { $0.key.isExactly(key) }) else { return (nil, place) }
                (node, place) = (entry.value, entry.place)
            case (.index(let index), .list(let elements)) where elements.indices.contains(index):
                (node, place) = (elements[index], elements[index].place)
            default:
                return (nil, place)
            }
        }
        return (node, place)
    }
}
