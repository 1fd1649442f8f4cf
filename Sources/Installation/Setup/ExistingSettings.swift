/// What setup may do with a settings file that exists. Pure.
public enum ExistingSettings: Hashable, Sendable {
    /// Nothing is there, or the file of a package without an edit: setup writes.
    case replaceable
    /// Setup wrote it before.
    case ownFile
    /// A person wrote or edited it.
    case foreign

    /// - Parameter content: nil if there is no file.
    public init(content: String?, template: String, ownFirstLine: String) {
        guard let content, content.contains(where: { !$0.isWhitespace }),
            let line = content.split(separator: "\n", omittingEmptySubsequences: false).first
        else {
            self = .replaceable
            return
        }
        if line.utf8.elementsEqual(template.utf8) {
            self = Self.hasKeys(content) ? .foreign : .replaceable
        } else {
            self = line.utf8.elementsEqual(ownFirstLine.utf8) ? .ownFile : .foreign
        }
    }

    /// Whether a template was edited: the keys that it begins with are those of `server` only.
    private static func hasKeys(_ content: String) -> Bool {
        content.split(separator: "\n").contains { line in
            guard let first = line.first, first != "#", first != " " else { return false }
            return !line.hasPrefix("server:")
        }
    }
}
