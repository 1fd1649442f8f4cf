import SimpleAICore

/// Converts the text of a single value to a typed value: one constant or function per kind, grouped in extensions.
struct SettingsKind<Value> {
    /// A description of valid values, for messages and the reference.
    let example: String
    /// What a schema can express of the valid texts.
    let form: ValueForm
    let read: (String) throws(SettingsMismatch) -> Value
    /// The valid range, for the reference, unless `example` states it.
    private(set) var range: String?
    /// The text of a value in the file's notation.
    private(set) var write: (Value) -> String = { "\($0)" }

    init(
        _ example: String, form: ValueForm = .text, _ read: @escaping (String) throws(SettingsMismatch) -> Value
    ) {
        self.example = example
        self.form = form
        self.read = read
    }

    /// Reads the same texts with an additional condition, or as another type.
    func map<Other>(
        _ transform: @escaping (Value) throws(SettingsMismatch) -> Other
    ) -> SettingsKind<Other> {
        let read = read
        return .init(example, form: form) { text throws(SettingsMismatch) in try transform(try read(text)) }
    }

    func within(_ range: String) -> Self {
        var kind = self
        kind.range = range
        return kind
    }

    /// The same kind with another notation than Swift's description of the value.
    func written(_ write: @escaping (Value) -> String) -> Self {
        var kind = self
        kind.write = write
        return kind
    }
}

/// Why a text is not a value of its kind: what is wrong, and how to fix it.
struct SettingsMismatch: Error, Hashable {
    let message: String

    init(_ message: String) { self.message = message }
}

// MARK: - Texts

extension SettingsKind where Value == String {
    /// Any text, including the empty one.
    static var text: Self { .init("a text") { $0 } }

    /// A path that is not checked when it is read.
    static var path: Self { .init("a path") { $0 } }

    /// A name, or the empty text.
    static func optionalName(_ what: String) -> Self {
        .init(what) { text throws(SettingsMismatch) in
            if !text.isEmpty, let fault = NameFault(in: text) { throw .init("\(quoted(text)) \(fault); use \(what)") }
            return text
        }
    }

    /// A text that can appear in a header field, a path or a list of names: not empty, without control characters.
    static func name(_ what: String) -> Self {
        .init(what) { text throws(SettingsMismatch) in
            guard !text.isEmpty else { throw .init("is empty; set \(what)") }
            if let fault = NameFault(in: text) { throw .init("\(quoted(text)) \(fault); use \(what)") }
            guard text.first != " ", text.last != " " else {
                throw .init("\(quoted(text)) has surrounding spaces; use \(what) without them")
            }
            return text
        }
    }

    /// A credential for a header field: visible ASCII, or nothing. Never quoted in messages.
    static var token: Self {
        .init("a token") { text throws(SettingsMismatch) in
            guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw .init("contains characters that are invalid in headers; use visible ASCII without spaces")
            }
            return text
        }
    }
}

extension SettingsKind where Value == Bool {
    static var flag: Self {
        .init("true or false", form: .flag) { text throws(SettingsMismatch) in
            switch text {
            case "true", "True", "TRUE": return true
            case "false", "False", "FALSE": return false
            default: throw .init("\(quoted(text)) is not a boolean; use true or false")
            }
        }
    }
}

extension SettingsKind where Value: RawRepresentable, Value.RawValue == String {
    static func choice(_ choices: [Value]) -> Self {
        let names = choices.map(\.rawValue)
        return Self(names.joined(separator: ", "), form: .choice(names)) { text throws(SettingsMismatch) in
            if let choice = choices.first(where: { $0.rawValue.isExactly(text) }) { return choice }
            throw .init(unknownName(text, among: names))
        }
        .written(\.rawValue)
    }
}

extension SettingsKind where Value == String {
    static func choice(_ names: [String]) -> Self {
        .init(names.joined(separator: ", "), form: .choice(names)) { text throws(SettingsMismatch) in
            guard names.contains(text) else { throw .init(unknownName(text, among: names)) }
            return text
        }
    }
}

func unknownName(_ text: String, among names: [String]) -> String {
    let all = names.formatted(last: "or")
    let nearest = Spelling.nearest(to: text, among: names).map { ": did you mean \($0)?" } ?? ""
    return "\(quoted(text)) is not supported; use \(all)\(nearest)"
}

extension [String] {
    /// `one, two or three`.
    fileprivate func formatted(last conjunction: String) -> String {
        guard let last, count > 1 else { return first ?? "" }
        return dropLast().joined(separator: ", ") + " \(conjunction) \(last)"
    }
}

/// A value as messages show it: truncated if long.
func quoted(_ text: String) -> String {
    JSONString.visible(text.count > 80 ? "\"\(text.prefix(77))…\"" : "\"\(text)\"")
}
