import SimpleAICore
import TestSupport
import Testing

/// Valid names, and the display of invalid ones.
@Suite struct NameFaultTests {
    @Test(arguments: [
        "llama3:8b", "meta-llama/Llama-3.1-8B-Instruct", "a b", "我的模型[test] v2", "modèle", "🦙", "👩‍🚀:7b",
        "می‌خواهم", "ע\u{200F}", "a\"b", "<script>", "C:\\models\\q4.gguf", "\u{212A}", "e\u{301}",
        String(repeating: "m", count: 512),
    ])
    func acceptsVisibleNames(_ text: String) {
        #expect(NameFault(in: text) == nil)
        #expect((try? ModelID(checking: text)) == ModelID(text))
    }

    @Test(arguments: [
        "a\r\nX-Evil: 1", "a\nb", "a\rb", "\u{0}", "a\tb", "\u{1B}[2J", "a\u{7F}", "a\u{85}b", "\u{9B}31m",
        "a\u{2028}b",
        "a\u{2029}", "a\u{202E}b", "\u{202A}", "a\u{2066}b\u{2069}", "a\u{200B}", "\u{FEFF}a", "a\u{2060}", "a\u{AD}b",
        "\u{E0061}",
    ])
    func refusesNamesWithSpecialCharacters(_ text: String) {
        guard case .forbidden = NameFault(in: text) else {
            Issue.record("\(JSONString.encode(text)) is a name")
            return
        }
        #expect(throws: NameFault.self) { try RunnerID(checking: text) }
        // The fault names the code point and contains no part of the text.
        #expect(NameFault(in: text)?.description.hasPrefix("contains the forbidden character U+") == true)
    }

    @Test func refusesEmptyAndLongNames() {
        #expect(NameFault(in: "") == .empty)
        #expect(NameFault(in: "   ") == .empty)
        #expect(NameFault(in: String(repeating: "m", count: 513)) == .tooLong(maxLength: 512))
        // In bytes: a name with few characters may have many bytes.
        #expect(NameFault(in: String(repeating: "é", count: 5), maxLength: 9) == .tooLong(maxLength: 9))
    }

    @Test func everyControlAndEveryLineSeparatorIsForbidden() {
        for value in 0..<0x11_0000 as Range<UInt32> {
            guard let scalar = Unicode.Scalar(value) else { continue }
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator:
                #expect(scalar.isForbiddenInNames, "\(scalar.codePoint)")
            case .uppercaseLetter, .lowercaseLetter, .otherLetter, .decimalNumber:
                #expect(!scalar.isForbiddenInNames && scalar.isVisible, "\(scalar.codePoint)")
            default: break
            }
            if scalar.isForbiddenInNames { #expect(!scalar.isVisible, "\(scalar.codePoint)") }
        }
    }

    // MARK: Display

    @Test(arguments: [
        ("alice", "alice"), ("", #""""#), ("it answered 500", #""it answered 500""#),
        (#"a" status=200 caller="b"#, #""a\" status=200 caller=\"b""#), ("a=b", #""a=b""#), (#"a\"#, #""a\\""#),
        ("a\nb", #""a\nb""#), ("a\r\nb", #""a\r\nb""#), ("\u{1B}[31m", #""\u001b[31m""#),
        ("a\u{202E}b", #""a\u202eb""#),
        ("a\u{2028}b", #""a\u2028b""#), ("a\u{85}b", #""a\u0085b""#), ("\u{E0061}", #""\udb40\udc61""#),
        ("é", #""é""#), ("https://issuer.test/realms/x", "https://issuer.test/realms/x"),
    ])
    func logValuesAreDelimited(_ value: String, _ shown: String) {
        #expect(LogValue.text(value) == shown)
    }

    /// For any values: a parser of pairs reads the same values, and the log has one line.
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func logLinesParseToTheirValues(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let pieces = [
            "a", "\"", "\\", "=", " ", "\n", "\r\n", "\u{1B}", "\u{202E}", "\u{2028}", "caller=", "\" status=200 x=\"",
            "é",
            "\\\"", "\u{85}", "\u{0}",
        ]
        for _ in 0..<200 {
            let values = (0..<4).map { _ in
                (0..<Int.random(in: 0...6, using: &random)).compactMap { _ in pieces.randomElement(using: &random) }
                    .joined()
            }
            let line = values.enumerated().map { "k\($0.offset)=\(LogValue.text($0.element))" }.joined(separator: " ")
            #expect(line.unicodeScalars.allSatisfy { $0.isVisible }, "\(line)")
            #expect(Self.read(line).map { ExactString($0) } == values.map { ExactString($0) }, "\(line)")
        }
    }

    /// The values of a line of pairs, parsed only by the rules of such lines.
    private static func read(_ line: String) -> [String] {
        var values: [String] = []
        var rest = line.unicodeScalars[...]
        while let equals = rest.firstIndex(of: "=") {
            rest = rest[rest.index(after: equals)...]
            if rest.first == "\"" {
                var end = rest.index(after: rest.startIndex)
                while rest[end] != "\"" { end = rest.index(end, offsetBy: rest[end] == "\\" ? 2 : 1) }
                values.append(JSONString.decode(String(rest[...end]).utf8))
                rest = rest[rest.index(after: end)...]
            } else {
                let end = rest.firstIndex(of: " ") ?? rest.endIndex
                values.append(String(rest[..<end]))
                rest = rest[end...]
            }
        }
        return values
    }

    @Test func displayedTextStaysOnOneLine() {
        #expect(JSONString.visible("gpu \"1\" é") == "gpu \"1\" é")
        #expect(JSONString.visible("a\r\n\u{1B}[2Jb\u{202E}c") == #"a\r\n\u001b[2Jb\u202ec"#)
    }
}
