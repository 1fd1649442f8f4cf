import Yams

/// Parses YAML text to a tree of `SettingsNode`: the only file that depends on Yams.
struct SettingsDocument {
    private let name: String
    private let environment: SettingsEnvironment
    private let report: SettingsReport
    private var nodes = 0
    /// The positions of values. Far fewer positions than nodes mean aliases, which repeat values that are written
    /// elsewhere.
    private var marks: Set<Mark> = []

    private struct Mark: Hashable {
        var line: Int
        var column: Int
    }

    /// More than any real file contains, and less than nested aliases can produce.
    private static let maxNodes = 300_000

    /// The tree of a text, with environment variables expanded. Problems of single values are added to `report`.
    static func tree(
        of text: String, name: String, environment: SettingsEnvironment, report: SettingsReport,
        example: String = "simpleai.example.yaml"
    ) throws(SettingsProblem) -> SettingsNode {
        let root: Node?
        do {
            root = try RepeatedKeys(text).compose()
        } catch {
            throw problem(error, file: name, text)
        }
        var document = SettingsDocument(name: name, environment: environment, report: report)
        guard let root, case let tree = try document.node(root, at: .root), tree.content != .nothing else {
            throw SettingsProblem(
                file: name, line: 0, key: "", message: "is empty; start from a copy of \(example)")
        }
        return tree
    }

    private init(name: String, environment: SettingsEnvironment, report: SettingsReport) {
        self.name = name
        self.environment = environment
        self.report = report
    }

    private mutating func node(_ node: Node, at path: SettingsPath) throws(SettingsProblem) -> SettingsNode {
        let place = place(of: node)
        nodes += 1
        if let mark = node.mark { marks.insert(Mark(line: mark.line, column: mark.column)) }
        guard nodes <= Self.maxNodes else {
            // Without aliases, all values have different positions, except empty ones.
            let message =
                marks.count < nodes / 2
                ? "YAML aliases expand to more than \(Self.maxNodes) values; write the values out"
                : "contains more than \(Self.maxNodes) values; remove unused ones"
            throw SettingsProblem(file: name, line: place.line, key: "", message: message)
        }
        let content: SettingsNode.Content =
            switch node {
            case .scalar(let scalar): self.content(of: scalar, at: path, place)
            case .sequence(let sequence): .list(try elements(of: sequence, at: path))
            case .mapping(let mapping): .table(try entries(of: mapping, at: path))
            case .alias: .nothing
            }
        var isQuoted = false
        if case .scalar(let scalar) = node { isQuoted = !Self.isPlain(scalar) }
        return SettingsNode(content: content, place: place, isQuoted: isQuoted)
    }

    private static func isPlain(_ scalar: Node.Scalar) -> Bool { scalar.style == .plain || scalar.style == .any }

    private func content(
        of scalar: Node.Scalar, at path: SettingsPath, _ place: SettingsPlace
    ) -> SettingsNode.Content {
        // Quoted scalars are text.
        if Self.isPlain(scalar) {
            if ["", "~", "null", "Null", "NULL"].contains(scalar.string) { return .nothing }
        }
        do {
            return .scalar(try environment.expand(scalar.string))
        } catch {
            report.problem(error.message, at: path, place: place)
            return .broken
        }
    }

    private mutating func elements(
        of sequence: Node.Sequence, at path: SettingsPath
    ) throws(SettingsProblem) -> [SettingsNode] {
        var elements: [SettingsNode] = []
        for node in sequence { elements.append(try self.node(node, at: path[elements.count])) }
        return elements
    }

    private mutating func entries(
        of mapping: Node.Mapping, at path: SettingsPath
    ) throws(SettingsProblem) -> [SettingsNode.Entry] {
        var entries: [SettingsNode.Entry] = []
        for (key, value) in mapping {
            let place = place(of: key)
            guard case .scalar(let scalar) = key else {
                report.problem("has a list or a table as a key; use a name", at: path, place: place)
                continue
            }
            if let original = RepeatedKeys.original(of: scalar.string) {
                let other = mapping.first { $0.key.scalar?.string == original }
                let again = other.map { "again in line \(self.place(of: $0.key).line)" } ?? "more than once"
                report.problem("is defined \(again); keep one", at: path[original], place: place)
                continue
            }
            if scalar.string == "<<" {
                report.problem(
                    "merge keys are not supported; write the keys out", at: path[scalar.string], place: place)
                continue
            }
            let entryPath = path[scalar.string]
            entries.append(.init(key: scalar.string, place: place, value: try node(value, at: entryPath)))
        }
        return entries
    }

    private func place(of node: Node) -> SettingsPlace {
        SettingsPlace(file: name, line: node.mark?.line ?? 1)
    }
}

extension SettingsDocument {
    private static func problem(_ error: any Error, file: String, _ text: String) -> SettingsProblem {
        let (line, reason) = lineAndReason(of: error)
        if isIndentedWithTab(line, of: text) {
            return SettingsProblem(
                file: file, line: line, key: "",
                message: "is not valid YAML: the line is indented with a tab; use spaces")
        }
        return SettingsProblem(
            file: file, line: line, key: "",
            message: "is not valid YAML: \(reason); check indentation, quotes and brackets")
    }

    private static func isIndentedWithTab(_ line: Int, of text: String) -> Bool {
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        guard lines.indices.contains(line - 1) else { return false }
        return lines[line - 1].prefix { $0 == " " || $0 == "\t" }.contains("\t")
    }

    private static func lineAndReason(of error: any Error) -> (line: Int, reason: String) {
        guard let error = error as? YamlError else { return (0, "it cannot be read") }
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let begun = context.map { "\($0.text) in line \($0.mark.line), " } ?? ""
            return (mark.line, begun + problem)
        case .reader(let problem, let offset, _, let yaml):
            let before = offset.map { yaml.prefix($0) }
            return (before.map { $0.count(where: \.isNewline) + 1 } ?? 0, problem)
        case .dataCouldNotBeDecoded: return (0, "it is not UTF-8")
        case .duplicatedKeysInMapping(let duplicates, let context):
            return (context.mark.line, "these keys are repeated: \(duplicates.joined(separator: ", "))")
        default: return (0, "it cannot be read")
        }
    }
}
