/// The variables in a file of systemd's `EnvironmentFile=` (systemd.exec(5)). Pure.
///
/// A line is `NAME=value`; `#` and `;` begin a comment. Values may be quoted, in parts: in double quotes a backslash escapes
/// `"`, `\`, `` ` `` and `$`, in single quotes nothing is special, and without quotes a backslash escapes any character. An
/// escaped line end continues the value; a quoted value may contain line ends. Nothing is expanded.
public struct EnvironmentFile: Hashable, Sendable {
    /// A name, which is ASCII, and its value.
    public struct Variable: Hashable, Sendable {
        public let name: String
        public let value: String
    }

    /// In the file's order: a later value of a name replaces an earlier one. Lines that systemd ignores, such as those with
    /// `export`, are left out.
    public let variables: [Variable]

    public init(_ text: String) {
        var parser = Parser()
        for scalar in text.unicodeScalars { parser.read(scalar) }
        parser.end()
        variables = parser.variables
    }

    /// The states of systemd's own parser.
    private struct Parser {
        private enum State {
            case beforeName, name, beforeValue, value, valueEscape
            case singleQuotes, doubleQuotes, doubleQuotesEscape
            case comment, commentEscape
        }

        private(set) var variables: [Variable] = []
        private var state = State.beforeName
        private var name = String.UnicodeScalarView()
        private var value = String.UnicodeScalarView()
        /// The number of unquoted spaces at the end of the value.
        private var trailingSpaces = 0

        mutating func read(_ scalar: Unicode.Scalar) {
            let isLineEnd = scalar == "\n" || scalar == "\r"
            let isSpace = isLineEnd || scalar == " " || scalar == "\t"
            switch state {
            case .beforeName:
                if scalar == "#" || scalar == ";" {
                    state = .comment
                } else if !isSpace {
                    state = .name
                    name.append(scalar)
                }
            case .name:
                if isLineEnd {
                    // Without `=` the line is no assignment.
                    begin()
                } else if scalar == "=" {
                    state = .beforeValue
                } else {
                    name.append(scalar)
                }
            case .beforeValue:
                if isLineEnd {
                    assign()
                } else if scalar == "'" {
                    state = .singleQuotes
                } else if scalar == "\"" {
                    state = .doubleQuotes
                } else if scalar == "\\" {
                    state = .valueEscape
                } else if !isSpace {
                    state = .value
                    append(scalar)
                }
            case .value:
                if isLineEnd {
                    trim()
                    assign()
                } else if scalar == "\\" {
                    state = .valueEscape
                    trailingSpaces = 0
                } else if isSpace {
                    value.append(scalar)
                    trailingSpaces += 1
                } else {
                    append(scalar)
                }
            case .valueEscape:
                state = .value
                // An escaped line end is dropped.
                if !isLineEnd { append(scalar) }
            case .singleQuotes:
                if scalar == "'" { state = .beforeValue } else { append(scalar) }
            case .doubleQuotes:
                if scalar == "\"" {
                    state = .beforeValue
                } else if scalar == "\\" {
                    state = .doubleQuotesEscape
                } else {
                    append(scalar)
                }
            case .doubleQuotesEscape:
                state = .doubleQuotes
                if ["\"", "\\", "`", "$"].contains(scalar) {
                    append(scalar)
                } else if scalar != "\n" {
                    append("\\")
                    append(scalar)
                }
            case .comment:
                if scalar == "\\" { state = .commentEscape } else if isLineEnd { begin() }
            case .commentEscape:
                // A comment is never continued.
                if isLineEnd { begin() } else { state = .comment }
            }
        }

        mutating func end() {
            switch state {
            case .beforeName, .name, .comment, .commentEscape: break
            case .value:
                trim()
                assign()
            default: assign()
            }
        }

        private mutating func append(_ scalar: Unicode.Scalar) {
            value.append(scalar)
            trailingSpaces = 0
        }

        private mutating func trim() { value.removeLast(trailingSpaces) }

        private mutating func begin() {
            state = .beforeName
            name = .init()
            value = .init()
            trailingSpaces = 0
        }

        private mutating func assign() {
            while let last = name.last, last == " " || last == "\t" { name.removeLast() }
            if Self.isName(name), Self.isValue(value) {
                variables.append(Variable(name: String(name), value: String(value)))
            }
            begin()
        }

        private static func isName(_ name: String.UnicodeScalarView) -> Bool {
            guard let first = name.first, !("0"..."9").contains(first) else { return false }
            return name.allSatisfy {
                ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0) || $0 == "_"
            }
        }

        /// Control characters other than tabs and line ends make systemd ignore the assignment.
        private static func isValue(_ value: String.UnicodeScalarView) -> Bool {
            value.allSatisfy { ($0.value >= 0x20 && $0.value != 0x7F) || $0 == "\t" || $0 == "\n" }
        }
    }
}
