import Foundation
import SimpleAICore
import Testing

@Suite struct StrictJSONParserTests {
    private func value(_ text: String) throws(JSONFault) -> JSONValue {
        try StrictJSONParser.value(of: Array(text.utf8))
    }

    @Test func readsEveryKindOfValue() throws {
        let text = #" { "a" : [ 1 , -2.5e1 , true , false , null , "x" , {} , [] ] } "#
        #expect(
            try value(text)
                == .object(
                    [
                        "a": .array([
                            .number(1), .number(-25), .bool(true), .bool(false), .null, .string("x"), .object([:]),
                            .array([]),
                        ])
                    ]))
    }

    @Test(arguments: [
        (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"), (#""\u0041\u00e9\u20AC""#, "Aé€"),
        (#""\ud83d\ude00""#, "😀"), (#""😀é""#, "😀é"), (#""""#, ""),
    ])
    func readsStrings(text: String, meaning: String) throws {
        #expect(try value(text) == .string(meaning))
    }

    @Test(arguments: ["0", "-0", "10", "1.5", "1e3", "1E+3", "1e-3", "1.25e2"])
    func readsNumbers(text: String) throws {
        #expect(try value(text).number == Double(text))
    }

    /// A number beyond the range of `Double` is valid JSON, and never converted.
    @Test(arguments: ["1e400", "-1e400", "1e999", "1\(String(repeating: "0", count: 400))"])
    func infiniteNumbersAreNotReturned(text: String) throws {
        #expect(try value(text).number == nil)
        #expect(try value("{\"a\":\(text),\"b\":1}").object?["b"]?.number == 1)
    }

    @Test(arguments: [
        "", " ", "{", "}", "[", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}",
        "01", "1.", ".5", "+1", "-", "1e", "0x1", "NaN", "Infinity", "tru", "nul", "True", "'a'", "\"a",
        "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\u{1}\"",
        "\"a\nb\"", "1 2", "{} {}", "{}x", "\u{FEFF}{}", "// c\n1", "[1]/**/",
    ])
    func refusesInvalidJSON(text: String) {
        #expect(throws: JSONFault.malformed) { try value(text) }
    }

    @Test(arguments: [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]] as [[UInt8]])
    func refusesInvalidUTF8(bytes: [UInt8]) {
        #expect(throws: JSONFault.malformed) { try StrictJSONParser.value(of: bytes) }
    }

    @Test(arguments: [
        #"{"a":1,"a":1}"#, #"{"a":1,"\u0061":2}"#, #"{"b":{"a":1,"a":2}}"#, #"[{"a":1,"b":2,"a":3}]"#,
    ])
    func refusesDuplicatesAtEveryLevelAndInEverySpelling(text: String) {
        #expect(throws: JSONFault.duplicateMember) { try value(text) }
    }

    @Test func marksDuplicatesIfConfigured() throws {
        let text = Array(#"[{"a":1,"a":2},{"a":1}]"#.utf8)
        #expect(
            try StrictJSONParser.value(of: text, duplicates: .marked)
                == .array([.ambiguous, .object(["a": .number(1)])]))
    }

    @Test func limitsNesting() throws {
        let deepest = StrictJSONParser.maxDepth
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(throws: Never.self) { try value(nested(deepest)) }
        #expect(throws: JSONFault.tooDeep) { try value(nested(deepest + 1)) }
        #expect(throws: JSONFault.tooDeep) { try value(String(repeating: "[", count: 1_000_000)) }
        #expect(throws: JSONFault.tooDeep) { try value(String(repeating: #"{"a":"#, count: 100_000)) }
    }

    /// As a field of a message that is read by Foundation's decoder.
    @Test func isCodable() throws {
        let text = #"{"a":[1,-2.5,true,null,"x",{"é":{}},[]],"e\u0301":false}"#
        let value = try StrictJSONParser.value(of: Array(text.utf8))
        #expect(try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) == value)
        #expect(try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(value)) == value)
        #expect(try StrictJSONParser.value(of: Array(JSONEncoder().encode(value))) == value)
    }
}
