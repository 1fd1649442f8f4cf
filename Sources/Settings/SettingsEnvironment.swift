import Foundation

/// The two ways in which environment variables enter the settings: `${NAME}` in a value, and `SIMPLEAI__SECTION__KEY`
/// instead of a value.
struct SettingsEnvironment {
    let variables: [String: String]

    static let prefix = "SIMPLEAI__"
    static let placePrefix = "environment variable "

    struct ExpansionFailure: Error, Hashable {
        let message: String
    }

    /// Replaces every `${NAME}` and `${NAME:-default}`; the default applies if the variable is unset or empty. A single
    /// `$` is not special.
    func expand(_ text: String) throws(ExpansionFailure) -> String {
        var result = ""
        var rest = text[...]
        while let start = Self.opening(in: rest) {
            result += rest[..<start]
            let afterBrace = rest[start...].dropFirst(2)
            guard let end = afterBrace.firstIndex(of: "}") else {
                throw ExpansionFailure(message: "contains ${ without }; use ${NAME} or ${NAME:-default}")
            }
            result += try value(of: afterBrace[..<end])
            rest = afterBrace[end...].dropFirst()
        }
        return result + rest
    }

    private func value(of reference: Substring) throws(ExpansionFailure) -> String {
        let name: Substring
        let fallback: Substring?
        if let colon = reference.firstIndex(of: ":"), reference[colon...].hasPrefix(":-") {
            name = reference[..<colon]
            fallback = reference[colon...].dropFirst(2)
        } else {
            name = reference
            fallback = nil
        }
        guard Self.isName(name) else {
            throw ExpansionFailure(
                message: "${\(reference)} is not a variable reference; use ${NAME} or ${NAME:-default}")
        }
        if let fallback {
            guard Self.opening(in: fallback) == nil else {
                throw ExpansionFailure(
                    message: "${\(name):-…} has another ${ in its default; references cannot be nested")
            }
            let value = variables[String(name)] ?? ""
            return value.isEmpty ? String(fallback) : value
        }
        guard let value = variables[String(name)] else {
            throw ExpansionFailure(
                message: "variable \(name) is not set; set it, or use ${\(name):-default} for a fallback")
        }
        return value
    }

    private static func opening(in text: Substring) -> Substring.Index? {
        // On bytes: a value may be long, and no byte of a multi-byte character equals these characters.
        let bytes = text.utf8
        var start = bytes.startIndex
        while let dollar = bytes[start...].firstIndex(of: UInt8(ascii: "$")) {
            start = bytes.index(after: dollar)
            if start < bytes.endIndex, bytes[start] == UInt8(ascii: "{") { return dollar }
        }
        return nil
    }

    private static func isName(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }
}

extension SettingsEnvironment {
    /// Replaces the scalars named by `SIMPLEAI__SECTION__KEY`, or adds them if they are absent: an unknown key is
    /// reported when the tree is read, like one in the file.
    func override(_ root: inout SettingsNode, report: SettingsReport) {
        for (variable, value) in variables.sorted(by: { $0.key < $1.key }) where variable.hasPrefix(Self.prefix) {
            let place = SettingsPlace(file: Self.placePrefix + variable, line: 0)
            let names = variable.dropFirst(Self.prefix.count).lowercased().components(separatedBy: "__")
            guard !names.contains("") else {
                report.problem("is not a settings key; use SIMPLEAI__SECTION__KEY", at: .root, place: place)
                continue
            }
            if !root.replaceScalar(at: names[...], with: value, from: place) {
                report.problem(
                    "does not name a single value; the environment overrides scalars only, put lists and sections "
                        + "into the file", at: SettingsPath(components: names.map { .key($0) }), place: place)
            }
        }
    }
}

extension SettingsNode {
    /// Returns false if the names lead to a list or a table, or through a scalar.
    fileprivate mutating func replaceScalar(
        at names: ArraySlice<String>, with text: String, from place: SettingsPlace
    ) -> Bool {
        guard let name = names.first else {
            switch content {
            case .list, .table: return false
            case .nothing, .scalar, .broken: self = SettingsNode(content: .scalar(text), place: place)
            }
            return true
        }
        let rest = names.dropFirst()
        switch content {
        case .scalar, .broken:
            return false
        case .list(var elements):
            guard let index = Int(name), elements.indices.contains(index),
                elements[index].replaceScalar(at: rest, with: text, from: place)
            else { return false }
            if rest.isEmpty { elements[index].place = place }
            content = .list(elements)
        case .nothing:
            var value = SettingsNode(content: .nothing, place: place)
            guard value.replaceScalar(at: rest, with: text, from: place) else { return false }
            content = .table([Entry(key: name, place: place, value: value)])
        case .table(var entries):
            // Variables are upper case by convention; names that the operator chose may have any case.
            let index = entries.firstIndex { $0.key.lowercased() == name } ?? entries.endIndex
            if index == entries.endIndex {
                let nothing = SettingsNode(content: .nothing, place: place)
                entries.append(Entry(key: name, place: place, value: nothing))
            }
            guard entries[index].value.replaceScalar(at: rest, with: text, from: place) else { return false }
            if rest.isEmpty { entries[index].place = place }
            content = .table(entries)
        }
        return true
    }
}
