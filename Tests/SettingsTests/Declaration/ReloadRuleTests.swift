import Foundation
import Testing

@testable import Settings

/// Changes each key of the settings in turn, as the declarations list them: a reload reports exactly that key, adopts it
/// or leaves it to a restart as declared, and an environment variable sets it.
@Suite struct ReloadRuleTests {
    private let base: SettingsNode
    private let directory: URL
    private let candidates: [String]

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "reload-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let pem = { (kind: String) in Data("-----BEGIN \(kind)-----\nAA==\n-----END \(kind)-----\n".utf8) }
        let (certificate, key) = (pem("CERTIFICATE"), pem("PRIVATE KEY"))
        let files = try [
            directory.write("one.pem", certificate), directory.write("one.key", key),
            directory.write("two.pem", certificate + certificate), directory.write("two.key", key + key),
            directory.write("secret", Data("secret".utf8)), directory.write("mac", Data("00:00:00:00:00:09".utf8)),
            directory.write("hook", Data("http://other.example/hook".utf8)),
        ]
        candidates =
            [
                "big", "llama3:8b", "llama3:70b", "7s", "3MiB", "3KiB", "700MiB", "1", "7", "true", "false", "0.25",
                "400", "RS512", "embeddings", "10.1.0.0/16",
            ]
            + [
                "https://other.example", "https://other.example/{tenantid}", "02:00:00:00:00:07", "192.0.2.7:7",
                "/other",
            ]
            + ["11111111-2222-3333-4444-555555555555"] + files
        var tree = try ExampleFile(.gateway).tree(of: ExampleFile(.gateway).everyKey)
        func set(_ text: String, _ path: SettingsPath) { tree.set(.scalar(text), at: path.components) }
        let server = SettingsPath.root["server"]
        // Allows `auth.mode: none`.
        set("127.0.0.1", server["host"])
        set(files[0], server["tls"]["certificate"])
        set(files[1], server["tls"]["key"])
        set("prefix_affinity", .root["routing"]["classes"]["big"]["policy"])
        let issuer = SettingsPath.root["auth"]["issuers"][0]
        set("https://auth.example/{tenantid}", issuer["issuer"])
        let alias = SettingsPath.root["models"]["aliases"]["big"]
        set("class:fast", alias["target"])
        set("true", alias["listed"])
        tree.set(.list([.text("00000000-2222-3333-4444-555555555555")]), at: issuer["tenants"].components)
        base = tree
    }

    private func read(_ tree: SettingsNode) -> Settings? {
        let report = SettingsReport()
        var tree = tree
        let settings = SettingsFile.read(&tree, report: report)
        return report.problems.isEmpty ? settings : nil
    }

    @Test func everyKeyFollowsItsRule() throws {
        defer { try? FileManager.default.removeItem(at: directory) }
        let old = try #require(read(base))
        var count = 0
        for (pattern, key) in Settings.declarations.all where key.shape.isLeaf {
            // The keys of a claim belong to its path.
            if ["path", "keys"].contains(key.name), pattern.components.contains(.key("auth")) { continue }
            let path = pattern.concrete
            guard let (new, text) = changed(key, at: path, from: old) else {
                Issue.record("\(pattern): no candidate changes it; add one")
                continue
            }
            count += 1
            let (adopted, changes) = old.adopting(new)
            let isRestart = key.reload == .restart
            #expect(changes.allSatisfy { $0.needsRestart == isRestart }, "\(pattern): \(changes)")
            // A runner with another id is another runner.
            let reported = key.name == "id" ? ["runners.gpu-server", "runners.\(text)"] : [reportedKey(of: pattern)]
            #expect(changes.map(\.key) == reported, "\(pattern): \(changes)")
            #expect(adopted == (isRestart ? old : new), "\(pattern)")
            if case .value = key.shape {
                #expect(readFromEnvironment(text, path, pattern) == new, "\(pattern) from the environment")
            }
        }
        #expect(count > 100)
    }

    /// The settings with another value of one key, and that value.
    private func changed(_ key: KeyDeclaration, at path: SettingsPath, from old: Settings) -> (Settings, String)? {
        let texts =
            if case .value(.choice(let names), _) = key.shape { names } else { candidates.filter(key.shape.mayContain) }
        for text in texts {
            var tree = withoutConflict(path)
            if case .names(_, let element) = key.shape {
                tree.set(content(element, text), at: path["big"].components)
            } else {
                tree.set(content(key.shape, text), at: path.components)
            }
            if let new = read(tree), new != old { return (new, text) }
        }
        return nil
    }

    private func content(_ shape: KeyShape, _ text: String) -> SettingsNode.Content {
        switch shape {
        case .value, .section: .scalar(text)
        case .list(let element): .list([SettingsNode(content: content(element, text), place: base.place)])
        case .anyOf(let shapes): shapes.first.map { content($0, text) } ?? .nothing
        case .names: .nothing
        }
    }

    /// A secret is either a value or a file.
    private func withoutConflict(_ path: SettingsPath) -> SettingsNode {
        var tree = base
        guard case .key(let name) = path.components.last, name.hasSuffix("_file") else { return tree }
        var sibling = path
        sibling.components[sibling.components.count - 1] = .key(String(name.dropLast("_file".count)))
        if tree.hasValue(sibling) { tree.set(.nothing, at: sibling.components) }
        return tree
    }

    private func readFromEnvironment(_ text: String, _ path: SettingsPath, _ pattern: SettingsPath) -> Settings? {
        let names = path.components.map { component in
            switch component {
            case .key(let key): key.uppercased()
            case .index(let index): "\(index)"
            case .anyKey, .anyIndex: ""
            }
        }
        var tree = withoutConflict(path)
        let variable = SettingsEnvironment.prefix + names.joined(separator: "__")
        SettingsEnvironment(variables: [variable: text]).override(&tree, report: SettingsReport())
        return read(tree)
    }

    /// The key that a report of changes names.
    private func reportedKey(of pattern: SettingsPath) -> String {
        let text = pattern.description
        if text.hasPrefix("auth.issuers") { return "auth.issuers" }
        if text.hasPrefix("policies") { return "policies" }
        if text.hasPrefix("server.tls") { return "server.tls" }
        if text == "classes" { return "classes.big" }
        for table in ["models.aliases", "models.parameters"] where text.hasPrefix(table) { return "\(table).big" }
        let key =
            text.hasSuffix("_file") && !text.hasSuffix("ca_file") && !text.hasSuffix("state_file")
            ? String(text.dropLast("_file".count)) : text
        return key.replacing("runners[]", with: "runners.gpu-server").replacing("NAME", with: "big")
    }
}

extension KeyShape {
    /// Whether a text may be a single value of the key, judging by the form alone.
    fileprivate func mayContain(_ text: String) -> Bool {
        switch self {
        case .value(.integer, _), .value(.integerChoice, _): Int(text) != nil
        case .value(.number, _): Double(text) != nil
        case .value(.flag, _): ["true", "false"].contains(text)
        case .value(.choice(let names), _): names.contains(text)
        case .value(.pattern(let pattern), _): text.range(of: pattern, options: .regularExpression) != nil
        case .value(.text, _), .value(.any, _), .section: true
        case .list(let element), .names(_, let element): element.mayContain(text)
        case .anyOf(let shapes): shapes.contains { $0.mayContain(text) }
        }
    }
}

extension SettingsPath {
    /// The path with the first element of each list, and with a name of the example.
    fileprivate var concrete: SettingsPath {
        SettingsPath(
            components: components.map { component in
                switch component {
                case .anyIndex: .index(0)
                case .anyKey: .key("big")
                case .key, .index: component
                }
            })
    }
}

extension SettingsNode {
    static func text(_ text: String) -> SettingsNode {
        SettingsNode(content: .scalar(text), place: .init(file: "s.yaml", line: 1))
    }

    /// Sets a value, and adds the tables that it is in.
    mutating func set(_ value: Content, at components: some Collection<SettingsPath.Component>) {
        guard let component = components.first else {
            content = value
            return
        }
        switch (component, content) {
        case (.index(let index), .list(var elements)):
            elements[index].set(value, at: components.dropFirst())
            content = .list(elements)
        case (.key(let key), .table(var entries)):
            if let index = entries.firstIndex(where: { $0.key == key }) {
                entries[index].value.set(value, at: components.dropFirst())
            } else {
                var new = SettingsNode(content: .nothing, place: place)
                new.set(value, at: components.dropFirst())
                entries.append(.init(key: key, place: place, value: new))
            }
            content = .table(entries)
        case (.key, .nothing):
            content = .table([])
            set(value, at: components)
        default:
            break
        }
    }
}
