import SimpleAICore

extension SettingsNode {
    /// Gives every key with a former name its current one, with a warning, so that reading knows current names only.
    mutating func renameFormerKeys(_ declarations: [KeyDeclaration], report: SettingsReport) {
        guard declarations.all.contains(where: { $0.declaration.formerName != nil }) else { return }
        renameFormerKeys(.section(declarations), at: .root, report)
    }

    private mutating func renameFormerKeys(_ shape: KeyShape, at path: SettingsPath, _ report: SettingsReport) {
        switch (shape, content) {
        case (.section(let declarations), .table(var entries)):
            for declaration in declarations { Self.rename(declaration, in: &entries, at: path, report) }
            content = .table(entries)
        case (.names(_, let shape), .table(var entries)):
            for index in entries.indices {
                entries[index].value.renameFormerKeys(shape, at: path[entries[index].key], report)
            }
            content = .table(entries)
        case (.list(let shape), .list(var elements)):
            for index in elements.indices { elements[index].renameFormerKeys(shape, at: path[index], report) }
            content = .list(elements)
        case (.anyOf(let shapes), _):
            for shape in shapes { renameFormerKeys(shape, at: path, report) }
        default:
            break
        }
    }

    private static func rename(
        _ declaration: KeyDeclaration, in entries: inout [Entry], at path: SettingsPath, _ report: SettingsReport
    ) {
        func index(of name: String) -> Int? { entries.firstIndex { $0.key.isExactly(name) } }
        let name = declaration.name
        if let formerName = declaration.formerName, let former = index(of: formerName) {
            let place = entries[former].place
            if index(of: name) != nil {
                entries.remove(at: former)
                report.problem(
                    "is the former name of `\(name)`, which is set as well; remove it", at: path[formerName],
                    place: place)
            } else {
                entries[former].key = name
                report.warning(
                    "is now called `\(name)`; rename it, because the next release refuses the former name",
                    at: path[formerName], place: place)
            }
        }
        if let index = index(of: name) {
            entries[index].value.renameFormerKeys(declaration.shape, at: path[name], report)
        }
    }
}
