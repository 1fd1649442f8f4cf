import SimpleAICore
import Testing

/// The top-level members that the scanner records.
@Suite struct JSONScannerMemberTests {
    /// The bytes of `model`'s value.
    private func model(_ document: String) -> String? {
        let bytes = Array(document.utf8)
        return Scanned(document).members[0].map { String(decoding: bytes[$0.range], as: UTF8.self) }
    }

    @Test(arguments: [
        (#""""#, JSONScanner.Member.Kind.string), (#""a\"]}b""#, .string), (#""é\u0041""#, .string), ("0", .number),
        ("-1.5e+3", .number), ("[]", .array), (#"["a",{"model":"x"},[1]]"#, .array), ("{}", .object),
        (#"{"model":"x","stream":[1]}"#, .object), ("true", .boolean(true)), ("false", .boolean(false)),
        ("null", .null),
    ])
    func rangesCoverExactlyTheValue(_ value: String, _ kind: JSONScanner.Member.Kind) {
        for document in [
            "{\"model\":\(value)}", "{\"model\" :\n \(value)\t}", "{\"model\":\(value),\"a\":1}",
            "{\"a\":[{}], \"model\":\(value) }",
            "{\"a\":{\"model\":1},\"model\":\(value),\"b\":{\"model\":2}}",
            " {\"stream\":false,\"model\":\(value) , \"z\":\"\"} ",
            "{\"\\u006d\\u006F\\u0064\\u0065\\u006C\":\(value)}",
        ] {
            #expect(model(document) == value)
            #expect(Scanned(document).members[0]?.kind == kind)
        }
    }

    @Test(arguments: [
        "{}", "{\"a\":\"model\"}", "{\"a\":{\"model\":1}}", "[{\"model\":1}]", "[\"model\",1]", "\"model\"",
        "{\"Model\":1}",
        "{\"model \":1}", "{\"mode\":1}", "{\"models\":1}", "{\"mod\\u0000el\":1}", "{\"\\u216Eodel\":1}",
        "{\"m\\ud800odel\":1}",
        "{\"a\":[[{\"model\":1}]]}",
    ])
    func onlyTheTopLevelCounts(_ document: String) {
        let scanned = Scanned(document)
        #expect(scanned.error == nil)
        #expect(scanned.members[0] == nil)
    }

    @Test(arguments: [
        #"{"model":1,"model":1}"#, #"{"model":1,"a":2,"model":3}"#, #"{"model":1,"\u006dodel":2}"#,
        #"{"\u006Dodel":1,"m\u006fd\u0065l":2}"#, #"{"model":{"x":1},"model":null}"#, #"{"model":null,"model":"a"}"#,
        #"{ "model" : [] , "model" : [] }"#, #"{"stream":true,"model":1,"stream":false}"#,
    ])
    func aRepeatedWatchedKeyIsAnError(_ document: String) {
        guard case .duplicateKey = Scanned(document).error?.reason else {
            Issue.record("not refused: \(document)")
            return
        }
    }

    @Test func otherKeysMayRepeat() {
        #expect(Scanned(#"{"a":1,"a":2,"b":{"model":1,"model":2},"model":3}"#).error == nil)
    }

    @Test func longKeysAreDifferentKeys() {
        let long = String(repeating: "m", count: 100_000)
        #expect(model("{\"\(long)\":1,\"model\(long)\":2,\"model\":3,\"\(long)model\":4}") == "3")
        #expect(Scanned("{\"model\(long)\":1,\"model\(long)\":2}").error == nil)
    }

    @Test func keysAreComparedSeparately() {
        #expect(model(#"{"mo":1,"del":2}"#) == nil)
        #expect(model(#"{"a":"model","b":2}"#) == nil)
        #expect(model(#"{"model":1,"b":2}"#) == "1")
    }

    @Test func knowsWhetherTheDocumentIsAnObject() {
        #expect(Scanned(" {}").isObject)
        for document in ["[]", "[{}]", "1", "\"{}\"", "null", ""] { #expect(!Scanned(document).isObject) }
    }

    @Test func membersAreKnownAsSoonAsTheirValueEnds() throws {
        var scanner = JSONScanner(watching: ["model"])
        try scanner.scan(Array(#"{"model":"a"#.utf8)[...])
        #expect(scanner.member("model") == nil)
        try scanner.scan(Array(#"""#.utf8)[...])
        #expect(scanner.member("model")?.range == 9..<12)
        #expect(scanner.member("unwatched") == nil)
    }
}
