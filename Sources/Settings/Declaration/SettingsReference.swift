/// The reference of all settings, docs/reference/settings.md: generated from the declarations.
enum SettingsReference {
    static var markdown: String {
        ([introduction] + SettingsFormat.allCases.map(chapter)).joined(separator: "\n")
    }

    private static var introduction: String {
        """
        # Settings

        Every key of the settings files, with its values, default and description. The example files show them in
        context: [simpleai.example.yaml](../../simpleai.example.yaml), [runner.example.yaml](../../runner.example.yaml),
        [simpleai-tokens.example.yaml](../../simpleai-tokens.example.yaml). `simpleai config schema` prints the same as a
        JSON Schema for editors: [Operate a gateway](../guides/operation.md#6-edit-settings-with-completion).

        - `name[]` is an element of the list `name`. Names in upper case, such as `NAME`, stand for names that you choose.
        - A key without a value counts as absent. Unknown keys are errors.
        - `${NAME}` in a value inserts an environment variable; `${NAME:-default}` has a default.
        - In `simpleai.yaml` and `runner.yaml`, an environment variable `SIMPLEAI__SECTION__KEY` replaces the value of
          `section.key`, for every key with a single value. Elements of lists are counted from 0:
          `SIMPLEAI__RUNNERS__0__SLOTS`.
        - Paths are relative to the working directory of the process.

        This file is generated from the declarations in `Sources/Settings`. After a change there,
        `SIMPLEAI_UPDATE_DOCS=1 swift test --filter SettingsReferenceTests` writes it again.

        """
    }

    private static func chapter(_ format: SettingsFormat) -> String {
        var text = "## \(format.fileName)\n\n\(format.purpose)\n"
        if format == .gateway {
            text += """

                The column SIGHUP states when a changed value takes effect: on SIGHUP (*live*), or when the process starts
                again (*restart*).

                """
        }
        let simple = format.declarations.filter(\.shape.isLeaf)
        if !simple.isEmpty { text += "\n### Single keys of \(format.fileName)\n\n" + table(simple.all[...], format) }
        for key in format.declarations where !key.shape.isLeaf {
            let below = key.withDescendants(below: .root).dropFirst()
            text += "\n### `\(key.name)`\n\n\(key.description)\n\n" + table(below, format)
        }
        return text
    }

    private static func table(
        _ keys: ArraySlice<(path: SettingsPath, declaration: KeyDeclaration)>, _ format: SettingsFormat
    ) -> String {
        let heading =
            format == .gateway
            ? "| key | value | default | SIGHUP | description |\n|---|---|---|---|---|\n"
            : "| key | value | default | description |\n|---|---|---|---|\n"
        return heading + keys.map { row($0.path, $0.declaration, format) }.joined()
    }

    private static func row(_ path: SettingsPath, _ key: KeyDeclaration, _ format: SettingsFormat) -> String {
        let former = key.formerName.map { " Formerly `\($0)`." } ?? ""
        let cells =
            ["`\(path)`", key.shape.description, defaultText(of: key)]
            + (format == .gateway ? [reloadText(of: key)] : []) + [key.description + former]
        return "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
    }

    private static func defaultText(of key: KeyDeclaration) -> String {
        if key.isRequired { return "*required*" }
        if let note = key.defaultNote { return note }
        guard let standard = key.standard else { return "" }
        return "`\(standard.yaml)`"
    }

    private static func reloadText(of key: KeyDeclaration) -> String {
        switch key.reload {
        case .live: key.shape.isLeaf ? "live" : ""
        case .restart: "restart"
        case .liveExcept(let exception): "live; \(exception)"
        }
    }
}

extension KeyShape {
    /// What the value may be, in words.
    fileprivate var description: String {
        switch self {
        case .value(.choice(let names), _): names.map { "`\($0)`" }.joined(separator: ", ")
        case .value(_, let example): example
        case .section: "a table"
        case .names: "a table of names"
        case .list(.section): "a list of tables"
        case .list(.value(_, let example)): "a list; each element is \(example)"
        case .list: "a list"
        case .anyOf(let shapes): shapes.first.map { "\($0.description), or a list" } ?? ""
        }
    }
}
