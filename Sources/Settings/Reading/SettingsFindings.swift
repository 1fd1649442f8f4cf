import SimpleAICore

/// The problems or the warnings of one file: the first ones in the file's order, and the number of the others.
///
/// A file can have one per line, and each costs a line of output and possibly a search for the intended name. So only
/// the first ones are listed, and the search runs only for these.
struct SettingsFindings {
    /// The maximum number listed; further ones are counted.
    static let maxListed = 100
    /// In bytes; the maximum length of a printed key, which may be as long as the file.
    private static let maxKeyLength = 300

    /// A problem or warning, before its text is composed.
    private struct Finding {
        let path: SettingsPath
        let place: SettingsPlace
        let message: String
        /// The end of the message, if composing it requires a search.
        let suggestion: (() -> String)?
        let number: Int

        /// The order: the file's lines, followed by the environment.
        var order: (line: Int, number: Int) {
            (place.file.hasPrefix(SettingsEnvironment.placePrefix) ? .max : place.line, number)
        }
    }

    private var found: [Finding] = []
    private(set) var count = 0
    /// The paths of all findings, and of their parents.
    private var paths: Set<SettingsPath> = []

    var isEmpty: Bool { count == 0 }

    mutating func add(_ message: String, at path: SettingsPath, _ place: SettingsPlace, suggestion: (() -> String)?) {
        found.append(Finding(path: path, place: place, message: message, suggestion: suggestion, number: count))
        count += 1
        var path = path
        while paths.insert(path).inserted, !path.components.isEmpty { path.components.removeLast() }
        if found.count >= 4 * Self.maxListed { found = first }
    }

    /// Whether a finding refers to this key or to one below it.
    func contains(_ path: SettingsPath) -> Bool { paths.contains(path) }

    private var first: [Finding] {
        Array(found.sorted { $0.order < $1.order }.prefix(Self.maxListed))
    }

    /// The first ones in the file's order, followed by the number of further ones, if any.
    func listed(_ kind: Kind) -> [SettingsProblem] {
        var listed = first.map(Self.composed)
        if count > listed.count, let last = listed.last {
            listed.append(
                SettingsProblem(
                    file: last.file, line: 0, key: "", message: kind.more(count - listed.count)))
        }
        return listed
    }

    enum Kind {
        case problems, warnings

        fileprivate func more(_ number: Int) -> String {
            switch self {
            case .problems: "and \(number) more; fix those above, then check the file again"
            case .warnings: SettingsFindings.more(number)
            }
        }
    }

    static func more(_ number: Int) -> String { "and \(number) more" }

    private static func composed(_ finding: Finding) -> SettingsProblem {
        var key = finding.path.description
        if key.utf8.count > maxKeyLength { key = String(decoding: key.utf8.prefix(maxKeyLength), as: UTF8.self) + "…" }
        return SettingsProblem(
            file: finding.place.file, line: finding.place.line, key: key,
            message: finding.message + (finding.suggestion?() ?? ""))
    }
}

extension LoadedSettings {
    /// The warnings of the file, followed by those of later checks, of which at most `maxListed` are listed.
    public func warnings(and others: [SettingsProblem]) -> [SettingsProblem] {
        guard others.count > SettingsFindings.maxListed else { return warnings + others }
        let rest = SettingsProblem(
            file: path, line: 0, key: "", message: SettingsFindings.more(others.count - SettingsFindings.maxListed))
        return warnings + others.prefix(SettingsFindings.maxListed) + [rest]
    }
}
