import Testing

@testable import Settings

/// Every table of every file refuses a key that is not declared.
@Suite struct UnknownKeyTests {
    @Test(arguments: SettingsFormat.allCases)
    func everyTableRefusesUnknownKeys(_ format: SettingsFormat) throws {
        let example = try ExampleFile(format)
        let base = try example.tree(of: example.everyKey)
        let tables = format.declarations.all.compactMap { path, key in key.shape.tablePath(below: path) } + [.root]
        #expect(tables.count > 5)
        for path in tables {
            // The names of the examples.
            for names in [["big", "alice", "admin"], ["model:specific"]] {
                guard let table = path.concrete(names: names, in: base) else { continue }
                var tree = base
                tree.set(.scalar("1"), at: table["grund"].components)
                let found = format.problems(&tree).map(\.description)
                #expect(
                    found.contains { $0.contains("grund: is unknown; ") },
                    "\(table): an unknown key is not reported; found \(found)")
            }
        }
    }
}

extension SettingsFormat {
    /// The problems of a parsed file.
    fileprivate func problems(_ tree: inout SettingsNode) -> [SettingsProblem] {
        let report = SettingsReport()
        switch self {
        case .gateway: _ = SettingsFile.read(&tree, report: report)
        case .runner:
            var settings = RunnerSettings.defaults
            settings.read(&tree, report: report)
        case .tokens:
            var settings = TokenProviderSettings.defaults
            settings.read(&tree, report: report)
        }
        return report.problems.listed(.problems)
    }
}

extension KeyShape {
    /// The path of the table with declared keys at or below a key; nil if there is none.
    fileprivate func tablePath(below path: SettingsPath) -> SettingsPath? {
        switch self {
        case .value, .anyOf: nil
        case .section: path
        case .list(let element): element.tablePath(below: path.appending(.anyIndex))
        case .names(let placeholder, let element): element.tablePath(below: path.appending(.anyKey(placeholder)))
        }
    }
}

extension SettingsPath {
    /// The path with the first element of each list and the first of these names that occurs; nil if none does.
    fileprivate func concrete(names: [String], in tree: SettingsNode) -> SettingsPath? {
        var path = SettingsPath.root
        for component in components {
            switch component {
            case .anyIndex: path = path[0]
            case .anyKey:
                guard let name = names.first(where: { tree.keys(of: path).contains($0) }) else { return nil }
                path = path[name]
            case .key, .index: path = path.appending(component)
            }
        }
        return path
    }
}
