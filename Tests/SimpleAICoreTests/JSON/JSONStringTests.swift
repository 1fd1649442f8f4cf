import Foundation
import SimpleAICore
import TestSupport
import Testing

@Suite struct JSONStringTests {
    @Test(arguments: [
        (#""""#, ""), (#""plain é漢😀""#, "plain é漢😀"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"),
        (#""\u0041\u00e9\u00E9\u6F22""#, "Aéé漢"), (#""\ud83d\ude00\uDBFF\uDFFF""#, "😀\u{10FFFF}"),
        (#""\u0000""#, "\u{0}"),
        // Unpaired surrogates.
        (#""\ud83d""#, "\u{FFFD}"), (#""\ude00""#, "\u{FFFD}"), (#""\ud83dx""#, "\u{FFFD}x"),
        (#""\ud83d\n""#, "\u{FFFD}\n"),
        (#""\ud83d\u0041""#, "\u{FFFD}A"), (#""\ude00\ud83d""#, "\u{FFFD}\u{FFFD}"),
        (#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"), (#""\ud83d\\ude00""#, "\u{FFFD}\\ude00"),
    ])
    func decodes(_ token: String, _ meaning: String) {
        #expect(JSONString.decode(token.utf8) == meaning)
    }

    @Test func escapesForbiddenCharacters() {
        #expect(JSONString.encode("a\"b\\c\n\r\t\u{0}\u{1F}\u{7F}/é😀") == #""a\"b\\c\n\r\t\u0000\u001f\u007f/é😀""#)
        // "\r\n" is one character, and still two escapes.
        #expect(JSONString.encode("\r\n") == #""\r\n""#)
    }

    @Test func everyScalarSurvivesARoundTrip() throws {
        for first in stride(from: 0 as UInt32, to: 0x11_0000, by: 0x100) {
            var text = ""
            for value in first..<first + 0x100 {
                if let scalar = Unicode.Scalar(value) { text.unicodeScalars.append(scalar) }
            }
            let token = JSONString.encode(text)
            #expect(Scanned(token).error == nil)
            #expect(JSONString.decode(token.utf8).utf8.elementsEqual(text.utf8))
        }
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func randomTokensMatchFoundation(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let pieces = [
            "a", "é", "\\n", "\\\"", "\\\\", "\\/", "\\u0041", "\\u00e9", "\\ud83d\\ude00", "\\u007f", "漢", "😀",
        ]
        for _ in 0..<500 {
            let content = (0..<Int.random(in: 0...8, using: &random)).compactMap { _ in
                pieces.randomElement(using: &random)
            }
            let token = "\"\(content.joined())\""
            #expect(JSONString.decode(token.utf8) == (try JSONDecoder().decode(String.self, from: Data(token.utf8))))
        }
    }
}
