import Testing

@testable import Authentication

@Suite struct Base64URLTests {
    @Test(
        arguments: [
            ("", []), ("AA", [0]), ("_w", [255]), ("AAA", [0, 0]), ("Zm9v", [0x66, 0x6F, 0x6F]),
            ("-_-_", [251, 255, 191]),
        ] as [(String, [UInt8])])
    func decodesTheCanonicalEncoding(text: String, bytes: [UInt8]) {
        #expect(Base64URL.decode(text.utf8) == bytes)
        #expect(Base64URL.encode(bytes) == text)
    }

    @Test(arguments: ["A", "AAAAA", "AA==", "AAA=", "A+AA", "A/AA", "AA AA", "AA\n", "A?AA", "AÄ", "AB", "_x", "AAB"])
    func refusesOtherEncodings(text: String) {
        #expect(Base64URL.decode(text.utf8) == nil)
    }

    @Test func decodesWhatItEncoded() {
        for length in 0..<70 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 37 + length) }
            #expect(Base64URL.decode(Base64URL.encode(bytes).utf8) == bytes)
        }
    }
}
