/// What setup may do with a settings file that exists. Pure.
public enum ExistingSettings: Hashable, Sendable {
    /// Nothing is there, or exactly the file of a package: setup writes.
    case replaceable
    /// The file of a package, in which only comments differ: setup writes, and keeps a copy.
    case commented
    /// Setup wrote it before.
    case ownFile
    /// A person wrote or edited it.
    case foreign

    /// - Parameters:
    ///   - content: nil if there is no file.
    ///   - template: the first line of the file that a package installs.
    public init(content: String?, template: String, ownFirstLine: String) {
        guard let content, content.contains(where: { !$0.isWhitespace }),
            let line = content.split(separator: "\n", omittingEmptySubsequences: false).first
        else {
            self = .replaceable
            return
        }
        guard line.utf8.elementsEqual(template.utf8) else {
            self = line.utf8.elementsEqual(ownFirstLine.utf8) ? .ownFile : .foreign
            return
        }
        if [GatewayProposal.template, RunnerProposal.template].contains(where: { $0.utf8.elementsEqual(content.utf8) })
        {
            self = .replaceable
        } else {
            self = Self.hasEditedKeys(content) ? .foreign : .commented
        }
    }

    /// Whether a line states anything that the file of a package does not.
    private static func hasEditedKeys(_ content: String) -> Bool {
        let known = GatewayProposal.template.split(separator: "\n")
        return content.split(separator: "\n").contains { line in
            guard let first = line.first(where: { $0 != " " }), first != "#" else { return false }
            return !known.contains { $0.utf8.elementsEqual(line.utf8) }
        }
    }
}
