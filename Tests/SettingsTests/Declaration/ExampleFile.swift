import Foundation

@testable import Settings

/// An example file of the repository.
struct ExampleFile {
    let format: SettingsFormat
    let text: String

    init(_ format: SettingsFormat) throws {
        self.format = format
        let name = format.fileName.replacing(".yaml", with: ".example.yaml")
        text = try String(contentsOf: Repository.file(name), encoding: .utf8)
    }

    /// The example with every `#key:` and `#- key:` uncommented; comments in words have a space after their `#`.
    var everyKey: String {
        text.replacing(/(?m)^( *)#(- )?([a-z_]+:)/) { "\($0.output.1)\($0.output.2 ?? "")\($0.output.3)" }
    }

    func tree(of text: String) throws -> SettingsNode {
        try SettingsDocument.tree(
            of: text, name: format.fileName, environment: .init(variables: [:]), report: SettingsReport())
    }

    /// The comments directly above the lines of each key, without line breaks.
    var comments: [String: [String]] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var comments: [String: [String]] = [:]
        for (index, line) in lines.enumerated() {
            guard let key = line.firstMatch(of: /^ *#?(?:- )?([A-Za-z_]+):/)?.1 else { continue }
            let above = lines[..<index].reversed().prefix { $0.wholeMatch(of: /\ *# .*/) != nil }.reversed()
            let text = above.map { $0.trimmingCharacters(in: .init(charactersIn: " #")) }.joined(separator: " ")
            comments[String(key), default: []].append(text)
        }
        return comments
    }
}

enum Repository {
    static func file(_ path: String) -> URL {
        var root = URL(filePath: #filePath)
        for _ in 0..<4 { root.deleteLastPathComponent() }
        return root.appending(path: path)
    }
}

extension SettingsNode {
    /// Whether a key of the tree matches the path of a declaration.
    func mentions(_ path: SettingsPath) -> Bool {
        guard let component = path.components.first else { return true }
        let rest = SettingsPath(components: Array(path.components.dropFirst()))
        switch (component, content) {
        case (.key(let key), .table(let entries)):
            return entries.contains { $0.key == key && $0.value.mentions(rest) }
        case (.anyKey, .table(let entries)):
            return entries.contains { $0.value.mentions(rest) }
        case (.anyIndex, .list(let elements)):
            return elements.contains { $0.mentions(rest) }
        default:
            return false
        }
    }
}
