import Testing

@testable import SimpleAICore

@Suite struct FoldedKeyTests {
    private func folded(_ key: String) -> String {
        String(decoding: FoldedKey.bytes(of: Array(key.utf8)), as: UTF8.self)
    }

    /// Covers every character that any Unicode case mapping turns into ASCII letters.
    @Test func everyCaseMappingToASCIIIsCovered() {
        for value in UInt32(0x80)...0x10FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let properties = scalar.properties
            for mapped in [properties.lowercaseMapping, properties.uppercaseMapping, properties.titlecaseMapping]
            where mapped.utf8.allSatisfy({ $0 < 0x80 }) {
                #expect(folded(String(scalar)) == mapped.lowercased(), "U+\(String(value, radix: 16))")
            }
        }
    }

    @Test func noOtherCharacterBecomesASCIIOrVanishes() {
        let changed = (UInt32(0x80)...0x10FFFF).compactMap(Unicode.Scalar.init).filter {
            folded(String($0)) != String($0)
        }
        let known: [UInt32] = [
            0xDF, 0x130, 0x131, 0x17F, 0x1E9E, 0x212A, 0xFB00, 0xFB01, 0xFB02, 0xFB03, 0xFB04, 0xFB05, 0xFB06, 0xFEFF,
        ]
        #expect(changed.map(\.value) == known)
    }

    @Test func ignoresSeparatorsAndUnpairedSurrogatesAndEndsAtNUL() {
        #expect(folded("Max-To_kens") == "maxtokens")
        #expect(folded("model\0el") == "model")
        #expect(folded("\u{FEFF}mo\u{FEFF}del") == "model")
        #expect(FoldedKey.bytes(of: [0x6D, 0xED, 0xA0, 0x80, 0x6F]) == [0x6D, 0x6F])
        #expect(FoldedKey.bytes(of: [0xED, 0xB0, 0x80, 0xED, 0xA0, 0x80]) == [], "the wrong way round: no pair")
        let pair: [UInt8] = [0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80]
        #expect(FoldedKey.bytes(of: pair + [0x41]) == pair + [0x61])
    }

    /// The scanner never passes such bytes on; they must be safe nevertheless.
    @Test(arguments: [[0xF0], [0xED, 0xA0], [0xED], [0xC5], [0x6D, 0xE2, 0x84]] as [[UInt8]])
    func foldsTruncatedUTF8(bytes: [UInt8]) {
        #expect(FoldedKey.bytes(of: bytes) == bytes)
    }

    @Test(arguments: [#"{"Model":1}"#, #"{"model":1,"MODEL":2}"#, #"{"a":{},"model\u0000":2}"#])
    func strictScannersRefuseVariants(_ document: String) {
        var scanner = JSONScanner(watching: .init(refusingVariantsOf: ["model"]))
        #expect(throws: JSONError.self) { try scanner.scan(Array(document.utf8)[...]) }
        var lenient = JSONScanner(watching: ["model"])
        #expect(throws: Never.self) { try lenient.scan(Array(document.utf8)[...]) }
    }

    /// Every spelling of a key with other letter cases and separators is found without folding most other keys.
    @Test func everyMixtureOfCaseIsFound() {
        let keys = JSONScanner.Keys(refusingVariantsOf: ["user", "max_tokens"])
        for mask in 0..<16 {
            let key = "user".utf8.enumerated().map { mask >> $0 & 1 == 1 ? $1 & ~0x20 : $1 }
            #expect(keys.meaning(of: key) == "user")
        }
        for key in ["MAXTOKENS", "maxtokens", "max-tokens", "_max_tokens", "-Max-Tokens_", "max_to\u{212A}ens"] {
            #expect(keys.meaning(of: Array(key.utf8)) == "max_tokens")
        }
        for key in ["", "u", "use", "users", "5ser", "uzer", "maxtoken", "maxtokenz", "\u{15}ser", "temperature"] {
            #expect(keys.meaning(of: Array(key.utf8)) == nil)
        }
    }

    @Test func segmentationDoesNotChangeTheVerdict() {
        let document = Array("{\"a\":1,\"\u{17F}\\u0074ream\":true}".utf8)
        for cut in document.indices {
            var scanner = JSONScanner(watching: .init(refusingVariantsOf: ["stream"]))
            #expect(throws: JSONError.self) {
                try scanner.scan(document[..<cut])
                try scanner.scan(document[cut...])
            }
        }
    }
}
