import SimpleAICore
import Testing

@Suite struct JSONSliceTests {
    private func slice(_ text: String) throws -> JSONSlice {
        try #require(JSONSlice(document: Array(text.utf8)[...]))
    }

    private func text(_ slice: JSONSlice?) -> String? {
        slice.map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    @Test func findsMembers() throws {
        let document = try slice(
            #" { "a" : 1 , "b\n":[ 1 , {"c":"}]"} ] ,"":null, "c" :{"a":2},"d":"\"" , "e":-1.5e3} "#)
        #expect(text(document["a"]) == "1")
        #expect(text(document["b\n"]) == #"[ 1 , {"c":"}]"} ]"#)
        #expect(document["b\n"]?.elements.last?["c"]?.string == "}]")
        #expect(document[""]?.isNull == true)
        #expect(document["c"]?["a"]?.integer == 2)
        #expect(document["d"]?.string == "\"")
        #expect(text(document["e"]) == "-1.5e3")
        #expect(document["z"] == nil)
        #expect(document["a"]?["b"] == nil)
    }

    @Test func theLastDuplicateKeyApplies() throws {
        #expect(try slice(#"{"a":1,"b":0,"\u0061":2}"#)["a"]?.integer == 2)
    }

    /// Swift's strings compare by canonical equivalence; keys do not.
    @Test func keysAreComparedExactly() throws {
        #expect(try slice(#"{"\u212A":1}"#)["K"] == nil)
        #expect(try slice(#"{"e\u0301":1}"#)["é"] == nil)
        #expect(try slice(#"{"\u00e9":1}"#)["é"]?.integer == 1)
    }

    @Test func readsElements() throws {
        #expect(try slice("[]").elements.isEmpty)
        #expect(try slice(" [ ] ").elements.isEmpty)
        #expect(try slice("{\"a\":1}").elements.isEmpty)
        #expect(
            try slice("[1, \"a,b\" ,[2,3],{\"x\":[4]},null]").elements.map { text($0) } == [
                "1", "\"a,b\"", "[2,3]", "{\"x\":[4]}", "null",
            ])
    }

    @Test(
        arguments: [
            ("0", 0), ("-0", 0), ("-17", -17), ("9223372036854775807", Int.max), ("9223372036854775808", nil),
            ("1.0", nil),
            ("1e2", nil), ("\"1\"", nil), ("null", nil), ("[1]", nil),
        ] as [(String, Int?)])
    func readsIntegers(_ document: String, _ expected: Int?) throws {
        #expect(try slice(document).integer == expected)
    }

    @Test func distinguishesKinds() throws {
        #expect(try slice("null").isNull && !slice("0").isNull)
        #expect(try slice("{}").isObject && !slice("[]").isObject)
        #expect(try slice("\"a\"").string == "a" && slice("1").string == nil)
    }

    @Test(arguments: ["", " ", "{", "{}x", "[1,]", "\"", "{\"a\":}", "\u{FEFF}{}"])
    func refusesMalformedJSON(_ document: String) {
        #expect(JSONSlice(document: Array(document.utf8)[...]) == nil)
    }

    @Test func indicesReferToTheDocument() throws {
        let bytes = Array(#"xx {"a":{"b":"c"}} "#.utf8)
        let document = try #require(JSONSlice(document: bytes[2...]))
        let value = try #require(document["a"]?["b"])
        #expect(value.bytes.startIndex == 13)
        #expect(String(decoding: bytes[value.bytes.indices], as: UTF8.self) == "\"c\"")
    }

    @Test func boundsNesting() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(JSONSlice(document: Array(deep.utf8)[...]) == nil)
        #expect(JSONSlice(document: Array("[[]]".utf8)[...], maxDepth: 1) == nil)
    }
}

@Suite struct TokenUsageTests {
    private func usage(_ text: String) throws -> TokenUsage? {
        TokenUsage(try #require(JSONSlice(document: Array(text.utf8)[...])))
    }

    @Test func readsTheNamesOfAllEndpoints() throws {
        #expect(try usage(#"{"prompt_tokens":3,"completion_tokens":5}"#) == TokenUsage(prompt: 3, completion: 5))
        #expect(try usage(#"{"input_tokens":3,"output_tokens":5}"#) == TokenUsage(prompt: 3, completion: 5))
        #expect(try usage(#"{"prompt_tokens":3}"#) == TokenUsage(prompt: 3, completion: 0))
        #expect(try usage(#"{"prompt_tokens":-3}"#) == TokenUsage(prompt: 0, completion: 0))
        #expect(try usage(#"{"prompt_tokens":"3"}"#) == nil)
        #expect(try usage("null") == nil)
        #expect(try usage("{}") == nil)
    }
}
