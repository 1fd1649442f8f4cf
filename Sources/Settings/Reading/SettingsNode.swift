import SimpleAICore

/// Where something was written.
struct SettingsPlace: Hashable, Sendable {
    var file: String
    /// Counted from 1; 0 for the environment and for a file as a whole.
    var line: Int
}

/// A value as it was written: text that is not yet a number or a duration, and where it stands.
struct SettingsNode: Hashable, Sendable {
    enum Content: Hashable, Sendable {
        /// `key:`, `key: ~` or `key: null`: the same as if the key were not there.
        case nothing
        case scalar(String)
        case list([SettingsNode])
        case table([Entry])
        /// Its problem is reported already; no second one shall follow from it.
        case broken
    }

    struct Entry: Hashable, Sendable {
        var key: String
        /// Where the key stands, which is where people look for its value.
        var place: SettingsPlace
        var value: SettingsNode
    }

    var content: Content
    var place: SettingsPlace

    /// The place of a value or, where there is no such value, of what should hold it.
    func place(of path: SettingsPath) -> SettingsPlace { follow(path).place }

    /// Whether something is written at a path, `nothing` excepted.
    func holds(_ path: SettingsPath) -> Bool {
        guard let node = follow(path).node else { return false }
        return node.content != .nothing
    }

    /// The keys of the table at a path; none where there is no table.
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
