import TestSupport
/// A JSON value, and documents that spell it in many ways.
indirect enum Tree: Hashable {
    case null
    case boolean(Bool)
    case integer(Int)
    case string(String)
    case array([Tree])
    case object([String: Tree])

    static func random(depth: Int, using random: inout SeededGenerator) -> Tree {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 5), using: &random) {
        case 0: return .null
        case 1: return .boolean(.random(using: &random))
        case 2: return .integer(.random(in: -1_000_000...1_000_000, using: &random))
        case 3, 4: return .string(text(using: &random))
        case 5:
            return .array(
                (0..<Int.random(in: 0...4, using: &random)).map { _ in Tree.random(depth: depth - 1, using: &random) })
        default:
            var members: [String: Tree] = [:]
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                members[text(using: &random)] = Tree.random(depth: depth - 1, using: &random)
            }
            return .object(members)
        }
    }

    private static let scalars: [Unicode.Scalar] = [
        "a", "b", "model", "\"", "\\", "/", "\n", "\u{0}", "\u{1F}", "\u{7F}", "é", "\u{7FF}", "\u{800}", "漢",
        "\u{D7FF}",
        "\u{E000}", "\u{FFFD}", "\u{FFFF}", "\u{10000}", "😀", "\u{10FFFF}", " ", "{", "]", ",", ":",
    ].flatMap { ($0 as String).unicodeScalars }

    private static func text(using random: inout SeededGenerator) -> String {
        var text = ""
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            text.unicodeScalars.append(scalars.randomElement(using: &random) ?? "x")
        }
        return text
    }

    /// One of the many spellings: white space and escapes vary.
    func document(using random: inout SeededGenerator) -> String {
        switch self {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .string(let text): Self.token(text, using: &random)
        case .array(let elements):
            "[" + Self.space(using: &random)
                + elements.map { $0.document(using: &random) + Self.space(using: &random) }
                .joined(separator: "," + Self.space(using: &random)) + "]"
        case .object(let members):
            "{" + Self.space(using: &random)
                + members.sorted { $0.key < $1.key }.map { key, value in
                    Self.token(key, using: &random) + Self.space(using: &random) + ":" + Self.space(using: &random)
                        + value.document(using: &random)
                }
                .joined(separator: "," + Self.space(using: &random)) + "}"
        }
    }

    private static func space(using random: inout SeededGenerator) -> String {
        String(["", "", "", " ", "\n", "\r", "\t", "  \n"].randomElement(using: &random) ?? "")
    }

    private static func token(_ text: String, using random: inout SeededGenerator) -> String {
        var token = "\""
        for scalar in text.unicodeScalars {
            let mustEscape = scalar.value < 0x20 || scalar == "\"" || scalar == "\\"
            guard mustEscape || Int.random(in: 0..<4, using: &random) == 0 else {
                token.unicodeScalars.append(scalar)
                continue
            }
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16, uppercase: .random(using: &random))
                token += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return token + "\""
    }
}

/// A document with a few bytes changed, removed, doubled or swapped: most are invalid, some still valid.
func mutated(_ document: [UInt8], using random: inout SeededGenerator) -> [UInt8] {
    var bytes = document
    let interesting =
        Array("{}[],:\"\\0123456789-+.eEutfnrla/ \n\t".utf8) + [0x00, 0x1F, 0x7F, 0x80, 0xC0, 0xC3, 0xED, 0xF4, 0xFF]
    for _ in 0...Int.random(in: 0...2, using: &random) {
        guard !bytes.isEmpty else { return interesting }
        let index = Int.random(in: bytes.indices, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes[index] = interesting.randomElement(using: &random) ?? 0
        case 1: bytes.remove(at: index)
        case 2: bytes.insert(interesting.randomElement(using: &random) ?? 0, at: index)
        case 3: bytes.swapAt(index, Int.random(in: bytes.indices, using: &random))
        default: bytes.removeSubrange(index...)
        }
    }
    return bytes
}
