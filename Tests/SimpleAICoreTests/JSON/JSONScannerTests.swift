import SimpleAICore
import Testing

/// RFC 8259, rule by rule.
@Suite struct JSONScannerTests {
    @Test(arguments: [
        "null", "true", "false", "0", "-0", "7", "-12", "0.5", "10.25", "1e5", "1E+5", "1e-5", "0e0", "0E+00",
        "-0.0e-0",
        "123456789012345678901234567890", "\"\"", "\"a\"", #""\"\\\/\b\f\n\r\t""#, #""\u0041\uabCD""#,
        #""\ud83d\ude00""#,
        #""\ud800""#, #""\udc00\ud800""#, #""\u0000""#, "\"\u{7F}\"", "\"é漢😀\u{10FFFF}\u{FFFF}\"", "[]", "{}", "[ ]",
        "{ }",
        "[1]", "[1,2]", "[[],{}]", "{\"a\":1}", "{\"a\":1,\"b\":[{}]}", "{\"a\":1,\"a\":2}", "{\"\":\"\"}",
        " \t\r\n{ \t\r\n\"a\" \t\r\n: \t\r\n1 \t\r\n, \t\r\n\"b\" \t\r\n: \t\r\n[ \t\r\n1 \t\r\n, 2 ]\n}\n ", "0 ",
        "-1.5\n",
    ])
    func accepts(_ document: String) {
        #expect(Scanned(document).error == nil)
    }

    @Test(arguments: [
        // Literals.
        ("nul", JSONError.Reason.truncated, 3), ("nulll", .trailingBytes, 4), ("nuLl", .syntax, 2),
        ("True", .syntax, 0),
        ("truefalse", .trailingBytes, 4), ("NaN", .syntax, 0), ("Infinity", .syntax, 0), ("undefined", .syntax, 0),
        // Numbers.
        ("-", .truncated, 1), ("01", .syntax, 1), ("-01", .syntax, 2), ("00", .syntax, 1), ("+1", .syntax, 0),
        (".5", .syntax, 0), ("1.", .truncated, 2), ("1.e5", .syntax, 2), ("1e", .truncated, 2), ("1e+", .truncated, 3),
        ("1e+-1", .syntax, 3), ("1.5.5", .trailingBytes, 3), ("1e5.5", .trailingBytes, 3), ("0x10", .trailingBytes, 1),
        ("1_000", .trailingBytes, 1), ("--1", .syntax, 1), ("-a", .syntax, 1), ("1 2", .trailingBytes, 2),
        ("[0 1]", .syntax, 3), ("[1.]", .syntax, 3), ("[-]", .syntax, 2), ("[01]", .syntax, 2),
        // Strings.
        ("\"", .truncated, 1), ("\"a", .truncated, 2), ("\"\\", .truncated, 2), ("\"\\u12", .truncated, 5),
        (#""\x41""#, .syntax, 2), (#""\u12g4""#, .syntax, 5), (#""\U0041""#, .syntax, 2), ("\"\n\"", .syntax, 1),
        ("\"\t\"", .syntax, 1), ("\"\u{0}\"", .syntax, 1), ("\"\u{1F}\"", .syntax, 1), ("'a'", .syntax, 0),
        ("a", .syntax, 0),
        ("\"a\" \"b\"", .trailingBytes, 4),
        // Structure.
        ("", .truncated, 0), (" ", .truncated, 1), ("[", .truncated, 1), ("{", .truncated, 1), ("]", .syntax, 0),
        ("}", .syntax, 0), ("[1,]", .syntax, 3), ("[,1]", .syntax, 1), ("[1,,2]", .syntax, 3), ("[1 ", .truncated, 3),
        ("[}", .syntax, 1), ("[1}", .syntax, 2), ("{]", .syntax, 1), ("{\"a\":1]", .syntax, 6),
        ("{\"a\":1,}", .syntax, 7),
        ("{,}", .syntax, 1), ("{\"a\"}", .syntax, 4), ("{\"a\",1}", .syntax, 4), ("{\"a\":}", .syntax, 5),
        ("{\"a\"::1}", .syntax, 5), ("{\"a\":1 \"b\":2}", .syntax, 7), ("{a:1}", .syntax, 1), ("{1:1}", .syntax, 1),
        ("{null:1}", .syntax, 1), ("{[]:1}", .syntax, 1), ("[\"a\":1]", .syntax, 4), ("[]]", .trailingBytes, 2),
        ("{}}", .trailingBytes, 2), ("[][]", .trailingBytes, 2), ("{}x", .trailingBytes, 2),
        ("{} // c", .trailingBytes, 3),
        ("[1/**/]", .syntax, 2), ("\u{FEFF}{}", .byteOrderMark, 0), ("{}\u{FEFF}", .trailingBytes, 2),
        ("\u{A0}{}", .syntax, 0),
        ("[\u{C}]", .syntax, 1), ("[\u{B}]", .syntax, 1), ("{}\u{0}", .trailingBytes, 2), ("*", .syntax, 0),
        ("[\\]", .syntax, 1),
    ])
    func refuses(_ document: String, _ reason: JSONError.Reason, at offset: Int) {
        let error = Scanned(document).error
        #expect(error?.reason == reason)
        #expect(error?.offset == offset)
    }

    /// RFC 3629 §4, at both ends of every range, in values and in keys.
    @Test(
        arguments: [
            ([0x80], false), ([0xBF], false), ([0xC0, 0x80], false), ([0xC1, 0xBF], false), ([0xC2, 0x7F], false),
            ([0xC2, 0x80], true), ([0xDF, 0xBF], true), ([0xDF, 0xC0], false), ([0xC3], false),
            ([0xE0, 0x9F, 0xBF], false),
            ([0xE0, 0xA0, 0x80], true), ([0xE1, 0x80, 0x80], true), ([0xEC, 0xBF, 0xBF], true),
            ([0xED, 0x9F, 0xBF], true),
            ([0xED, 0xA0, 0x80], false), ([0xED, 0xBF, 0xBF], false), ([0xEE, 0x80, 0x80], true),
            ([0xEF, 0xBF, 0xBF], true),
            ([0xE1, 0x80], false), ([0xE1, 0x80, 0x7F], false), ([0xF0, 0x8F, 0xBF, 0xBF], false),
            ([0xF0, 0x90, 0x80, 0x80], true),
            ([0xF3, 0xBF, 0xBF, 0xBF], true), ([0xF4, 0x8F, 0xBF, 0xBF], true), ([0xF4, 0x90, 0x80, 0x80], false),
            ([0xF5, 0x80, 0x80, 0x80], false), ([0xF0, 0x90, 0x80], false), ([0xF8, 0x88, 0x80, 0x80, 0x80], false),
            ([0xFE], false), ([0xFF], false), ([0xE0, 0xA0, 0x80, 0xE0, 0x80, 0x80], false),
            // The narrower range of a second byte does not apply to later bytes.
            ([0xE0, 0xA0, 0x80, 0xE1, 0x80, 0x80], true), ([0xED, 0x80, 0x80, 0xEE, 0xBF, 0xBF], true),
            ([0xF4, 0x80, 0xBF, 0xBF], true), ([0xF0, 0xBF, 0x80, 0x80], true),
        ] as [([UInt8], Bool)])
    func checksUTF8(_ bytes: [UInt8], isValid: Bool) {
        let value = Array("[\"a".utf8) + bytes + Array("b\"]".utf8)
        let key = Array("{\"a".utf8) + bytes + Array("b\":1}".utf8)
        for document in [value, key] {
            let error = Scanned(document).error
            #expect((error == nil) == isValid)
            #expect(isValid || error?.reason == .invalidUTF8)
        }
    }

    @Test func boundsNesting() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(Scanned(nested(512)).error == nil)
        #expect(Scanned(nested(513)).error?.reason == .tooDeep)
        #expect(Scanned(nested(513)).error?.offset == 512)
        #expect(Scanned("[{\"a\":[]}]", maxDepth: 3).error == nil)
        #expect(Scanned("[{\"a\":[[]]}]", maxDepth: 3).error?.reason == .tooDeep)
        // Closed containers do not count towards the depth, however many.
        #expect(Scanned("[" + String(repeating: "[],", count: 5000) + "[]]", maxDepth: 2).error == nil)
    }

    @Test func excessiveNestingIsRefusedEarly() {
        for opening in ["[", "{\"a\":", "[{\"model\":"] {
            let error = Scanned(String(repeating: opening, count: 100_000)).error
            #expect(error?.reason == .tooDeep)
            #expect((error?.offset ?? .max) <= 512 * opening.utf8.count)
        }
    }

    @Test func anErrorIsFinal() throws {
        var scanner = JSONScanner(watching: [])
        let first = #expect(throws: JSONError.self) { try scanner.scan(Array("[x".utf8)[...]) }
        let second = #expect(throws: JSONError.self) { try scanner.scan(Array("]".utf8)[...]) }
        let third = #expect(throws: JSONError.self) { try scanner.finish() }
        #expect(first != nil)
        #expect(first == second)
        #expect(first == third)
    }

    @Test func errorsAreExplained() {
        #expect(Scanned("[x").error?.description == "unexpected character at byte 1")
        #expect(Scanned("[").error?.description == "the document ends early, after 1 bytes")
        #expect(Scanned("[]x").error?.description == "unexpected content after the document at byte 2")
        #expect(Scanned([0x22, 0xFF]).error?.description == "invalid UTF-8 at byte 1")
        #expect(Scanned("[[", maxDepth: 1).error?.description == "nested too deeply at byte 1")
        #expect(Scanned(#"{"model":1,"model":2}"#).error?.description == "the key \"model\" occurs twice")
    }
}
