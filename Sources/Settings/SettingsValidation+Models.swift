import SimpleAICore

/// The rules of `models.aliases` and `models.parameters` that involve other keys.
extension SettingsValidation {
    private var classPrefix: String { "class:" }

    /// - Parameter served: the models of all runners; nil if they are not all known.
    func checkAliases(served: Set<ModelID>?) {
        let path = SettingsPath.root["models"]["aliases"]
        let aliases = ModelAliases(settings.models.aliases)
        for alias in aliases.aliases where !report.hasProblem(at: path[alias.pattern.text]) {
            check(alias, of: aliases, served: served, at: path[alias.pattern.text])
        }
        checkAmbiguities(aliases.aliases, at: path)
    }

    private func check(
        _ alias: ModelAlias, of aliases: ModelAliases, served: Set<ModelID>?, at path: SettingsPath
    ) {
        let name = alias.pattern.text
        guard !name.utf8.starts(with: classPrefix.utf8) else {
            return problem("begins with class:, which requests a class; use another name", at: path)
        }
        if alias.isListed, alias.pattern.hasWildcards {
            problem(
                "cannot be listed, because it has wildcards; list the names that clients request", at: path["listed"])
        }
        if !alias.pattern.hasWildcards, let place = place(ofModel: ModelID(name)) {
            warning(
                "is also the id of a model in \(place), so the alias has no effect; rename it or remove it", at: path)
        }
        switch alias.target {
        case .byClass(let target): checkClass(target, at: path)
        case .exactly(let target):
            if let cycle = cycle(from: alias, aliases) { return problem(cycle, at: path) }
            guard let served, !served.contains(target), aliases.alias(named: target.rawValue) == nil else { return }
            problem("no runner lists \(target); ", at: path) {
                let names = served.map(\.rawValue).sorted() + settings.classes.map { "\(classPrefix)\($0.name)" }
                return Spelling.nearest(to: target.rawValue, among: names).map { "did you mean \($0)?" }
                    ?? "use the id of a model, or class:NAME"
            }
        }
    }

    private func checkClass(_ name: ClassName, at path: SettingsPath) {
        let names = settings.classes.map(\.name.rawValue)
        guard !names.contains(where: name.rawValue.isExactly) else { return }
        problem("unknown class \(name); ", at: path) {
            Spelling.nearest(to: name.rawValue, among: names).map { "did you mean \(classPrefix)\($0)?" }
                ?? "use one of the names under classes, or add it there"
        }
    }

    /// Where this file mentions a model.
    private func place(ofModel model: ModelID) -> String? {
        if let found = settings.classes.first(where: { $0.models.contains(model) }) { return "classes.\(found.name)" }
        let runner = settings.runners.first { $0.models.contains(model) || $0.aliases[model] != nil }
        return runner.map { "runners (\($0.id))" }
    }

    /// Describes the cycle that an alias leads to; nil if it leads to a class or a model.
    private func cycle(from alias: ModelAlias, _ aliases: ModelAliases) -> String? {
        var names = [alias.pattern.text]
        var target = alias.target
        while case .exactly(let id) = target, let next = aliases.alias(named: id.rawValue) {
            names.append(id.rawValue)
            if names.dropLast().contains(where: id.rawValue.isExactly) {
                return "leads back to itself (\(names.joined(separator: " → "))); use a class or a model as the target"
            }
            target = next.target
        }
        return nil
    }

    /// Two aliases of equal specificity must not match the same name.
    private func checkAmbiguities(_ aliases: [ModelAlias], at path: SettingsPath) {
        let patterns = aliases.map(\.pattern).filter(\.hasWildcards)
        for group in Dictionary(grouping: patterns, by: \.literalLength).sorted(by: { $0.key < $1.key }).map(\.value) {
            for (index, pattern) in group.enumerated() {
                guard let other = group[..<index].first(where: pattern.overlaps) else { continue }
                problem(
                    "matches some of the names of \(quoted(other.text)), and neither is more specific; make one of them "
                        + "longer", at: path[pattern.text])
            }
        }
    }

    /// - Parameter served: the models of all runners; nil if they are not all known.
    func checkParameters(served: Set<ModelID>?) {
        let path = SettingsPath.root["models"]["parameters"]
        let classes = settings.classes.map { "\(classPrefix)\($0.name)" }
        for entry in settings.models.parameters {
            let text = entry.pattern.text
            if text.utf8.starts(with: classPrefix.utf8) {
                guard !classes.contains(where: entry.pattern.matches) else { continue }
                problem("unknown class; ", at: path[text]) {
                    Spelling.nearest(to: text, among: classes).map { "did you mean \($0)?" }
                        ?? "use class: and one of the names under classes"
                }
            } else if let served, !served.contains(where: { entry.pattern.matches($0.rawValue) }),
                !settings.models.aliases.contains(where: { $0.pattern.overlaps(entry.pattern) }),
                !classes.contains(where: entry.pattern.matches)
            {
                warning("matches no model and no alias; ", at: path[text]) {
                    let names = served.map(\.rawValue) + settings.models.aliases.map(\.pattern.text) + classes
                    return Spelling.nearest(to: text, among: names.sorted()).map { "did you mean \($0)?" }
                        ?? "use class:NAME, an alias or the id of a model"
                }
            }
        }
    }
}
