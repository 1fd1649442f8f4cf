import SimpleAICore
import TestSupport
import Testing

@Suite struct BodyEditsTests {
    private static func path(_ text: String) throws -> BodyEdits.Path { try #require(BodyEdits.Path(text)) }

    private static func assignments(_ edits: [(String, String)]) throws -> [BodyEdits.Assignment] {
        try edits.map { .init(try path($0.0), Array($0.1.utf8)) }
    }

    private static func edits(
        remove: [String] = [], defaults: [(String, String)] = [], force: [(String, String)] = [],
        max: [(String, String)] = []
    ) throws -> BodyEdits {
        BodyEdits(
            removed: try remove.map(path), defaults: try assignments(defaults), forced: try assignments(force),
            maxima: try assignments(max))
    }

    private static func apply(_ edits: BodyEdits, _ text: String) -> String {
        String(decoding: edits.applied(to: Array(text.utf8)[...]), as: UTF8.self)
    }

    struct Case: CustomTestStringConvertible {
        var remove: [String] = []
        var defaults: [(String, String)] = []
        var force: [(String, String)] = []
        var max: [(String, String)] = []
        let body: String
        let expected: String
        var testDescription: String { "\(body) → \(expected)" }
    }

    static let cases: [Case] = [
        // remove
        Case(remove: ["a"], body: #"{"a":1}"#, expected: "{}"),
        Case(remove: ["a"], body: #"{ "a" : 1 }"#, expected: "{  }"),
        Case(remove: ["a"], body: #"{ "a" : 1 , "b" : 2 }"#, expected: #"{ "b" : 2 }"#),
        Case(remove: ["b"], body: #"{"a":1, "b":2, "c":3}"#, expected: #"{"a":1, "c":3}"#),
        Case(remove: ["c"], body: #"{"a":1, "c":[{"c":1}]}"#, expected: #"{"a":1}"#),
        Case(remove: ["a", "c"], body: #"{"a":1,"b":{"a":1},"c":3}"#, expected: #"{"b":{"a":1}}"#),
        Case(remove: ["a.b"], body: #"{"a":{"b":1,"c":2},"b":3}"#, expected: #"{"a":{"c":2},"b":3}"#),
        Case(remove: ["a.b"], body: #"{"a":[1],"x":0}"#, expected: #"{"a":[1],"x":0}"#),
        // No spelling and no duplicate avoids a change.
        Case(remove: ["top_p"], body: #"{"Top_P":1,"top-p":2,"top_p":3,"TopP":4,"x":5}"#, expected: #"{"x":5}"#),
        Case(remove: ["ab"], body: #"{"\u0061b":1,"a\ud800b":2,"x":5}"#, expected: #"{"x":5}"#),
        Case(force: [("a", "9")], body: #"{"A":1,"a":2,"x":0}"#, expected: #"{"a":9,"x":0}"#),
        Case(force: [("a", "9")], body: #"{"\u0041":1}"#, expected: #"{"a":9}"#),
        Case(max: [("a", "5")], body: #"{"A":7,"a":8,"x":0}"#, expected: #"{"A":5,"a":5,"x":0}"#),
        Case(defaults: [("a", "9")], body: #"{"A":1}"#, expected: #"{"A":1}"#),
        // default
        Case(defaults: [("a", "9")], body: #"{"x": 0}"#, expected: #"{"a":9,"x": 0}"#),
        Case(defaults: [("a", "9")], body: "{ }", expected: #"{"a":9 }"#),
        Case(defaults: [("a", "9")], body: #"{"a":1}"#, expected: #"{"a":1}"#),
        Case(defaults: [("a", "9")], body: #"{"a": null, "x":0}"#, expected: #"{"a": 9, "x":0}"#),
        Case(defaults: [("a", "1"), ("a", "2")], body: "{}", expected: #"{"a":1}"#),
        Case(defaults: [("a.b.c", "9")], body: "{}", expected: #"{"a":{"b":{"c":9}}}"#),
        Case(defaults: [("a.b", "9"), ("a.c", "8")], body: "{}", expected: #"{"a":{"c":8,"b":9}}"#),
        Case(defaults: [("a.b", "9")], body: #"{"a":{"x":1}}"#, expected: #"{"a":{"b":9,"x":1}}"#),
        Case(defaults: [("a.b", "9")], body: #"{"a":null}"#, expected: #"{"a":{"b":9}}"#),
        Case(defaults: [("a.b", "9")], body: #"{"a":"text"}"#, expected: #"{"a":"text"}"#),
        Case(defaults: [("é\"", "[1, 2]")], body: "{}", expected: #"{"é\"":[1, 2]}"#),
        // force
        Case(force: [("a", #"{"k":true}"#)], body: #"{"a":1,"b":2}"#, expected: #"{"a":{"k":true},"b":2}"#),
        Case(force: [("a", "1"), ("a", "2")], body: "{}", expected: #"{"a":2}"#),
        Case(force: [("a.b", "9")], body: #"{"a":"text"}"#, expected: #"{"a":{"b":9}}"#),
        Case(force: [("a.b", "9")], body: #"{"a":{"b":1, "c":2}}"#, expected: #"{"a":{"b":9, "c":2}}"#),
        Case(force: [("a.b", "9")], body: #"{"a":{"b":1},"A":{"b":2}}"#, expected: #"{"a":{"b":9}}"#),
        // max
        Case(max: [("a", "5")], body: #"{"a":6}"#, expected: #"{"a":5}"#),
        Case(max: [("a", "5")], body: #"{"a":5.0}"#, expected: #"{"a":5.0}"#),
        Case(max: [("a", "5")], body: #"{"a":4,"b":100}"#, expected: #"{"a":4,"b":100}"#),
        Case(max: [("a", "5")], body: #"{"a":1e400}"#, expected: #"{"a":5}"#),
        Case(max: [("a", "9007199254740992")], body: #"{"a":9007199254740993}"#, expected: #"{"a":9007199254740992}"#),
        Case(max: [("a", "0.5")], body: #"{"a":0.7}"#, expected: #"{"a":0.5}"#),
        Case(max: [("a", "5")], body: #"{"a":"100"}"#, expected: #"{"a":5}"#),
        Case(max: [("a", "5")], body: #"{"a":null,"b":[9]}"#, expected: #"{"a":null,"b":[9]}"#),
        Case(max: [("a", "5"), ("a", "3")], body: #"{"a":9}"#, expected: #"{"a":3}"#),
        Case(max: [("o.n", "5")], body: #"{"o":{"n":9}}"#, expected: #"{"o":{"n":5}}"#),
        // The order: remove, default, force, max.
        Case(remove: ["a"], defaults: [("a", "1")], body: #"{"a":7,"b":0}"#, expected: #"{"a":1,"b":0}"#),
        Case(remove: ["a"], defaults: [("a", "1")], body: #"{"b":0,"A":7}"#, expected: #"{"b":0,"a":1}"#),
        Case(defaults: [("a", "1")], force: [("a", "2")], body: "{}", expected: #"{"a":2}"#),
        Case(force: [("a", "9")], max: [("a", "5")], body: "{}", expected: #"{"a":5}"#),
        // Everything else keeps its bytes.
        Case(
            force: [("a", "1")], body: " {\n\t\"m\" : [ 1 , {\"a\":2} ],\r\n\"a\"\n:\n3 }\n",
            expected: " {\n\t\"m\" : [ 1 , {\"a\":2} ],\r\n\"a\"\n:\n1 }\n"),
        Case(force: [("a", "1")], body: "[1]", expected: "[1]"),
        Case(force: [("a", "1")], body: #"{"a":"#, expected: #"{"a":"#),
        Case(force: [("a", "1")], body: "", expected: ""),
    ]

    @Test(arguments: cases)
    func editsAreSpliced(_ example: Case) throws {
        let edits = try Self.edits(
            remove: example.remove, defaults: example.defaults, force: example.force, max: example.max)
        #expect(Self.apply(edits, example.body) == example.expected)
    }

    // MARK: Ollama

    private static func value(_ text: String) throws -> JSONValue { try StrictJSONParser.value(of: Array(text.utf8)) }

    /// Ollama ignores the keys of chat completions, so that limits by these names would limit nothing.
    @Test(arguments: [
        (
            #"{"options":{"num_predict":500,"temperature":1,"x":1}}"#,
            #"{"options":{"num_predict":10,"temperature":0,"x":1},"service_tier":1}"#
        ),
        (
            #"{"options":{"num_predict":-1,"stop":["a"]},"stop":1}"#,
            #"{"options":{"temperature":0,"num_predict":10},"service_tier":1,"stop":1}"#
        ),
        (#"{"options":{"num_predict":5}}"#, #"{"options":{"temperature":0,"num_predict":5},"service_tier":1}"#),
        ("{}", #"{"options":{"temperature":0},"service_tier":1}"#),
    ])
    func keysBecomeOllamasOptions(body: String, expected: String) throws {
        let edits = try Self.edits(
            remove: ["stop"], defaults: [("service_tier", "1")], force: [("temperature", "0")],
            max: [("max_tokens", "10"), ("max_completion_tokens", "20")])
        let result = try Self.value(Self.apply(edits.renamed(for: .ollamaChat), body))
        #expect(try result == Self.value(expected))
        #expect(edits.renamed(for: .chatCompletions) == edits && edits.renamed(for: .messages) == edits)
    }

    /// For random documents and edits: the result is valid, a second application changes nothing, members that no edit
    /// addresses keep their bytes, and forced members have their values.
    @Test func propertiesOfRandomEdits() throws {
        var random = SeededGenerator(seed: 7)
        let names = ["a", "b", "model", "", "n\u{301}", "x.y"]
        for _ in 0..<3_000 {
            var members: [String: Tree] = [:]
            for name in names where random.chance(0.6) { members[name] = .random(depth: 3, using: &random) }
            if random.chance(0.5) { members["o"] = .object(["a": .random(depth: 1, using: &random), "z": .null]) }
            let body = Tree.object(members).document(using: &random)
            // Paths that do not overlap, as the settings require.
            var paths = ["a", "b", "o.a", "o.k.l", "model"].shuffled(using: &random)
            func take() -> [String] { (0..<Int.random(in: 0...1, using: &random)).compactMap { _ in paths.popLast() } }
            let (removed, absent, forced, limited) = (take(), take(), take(), take())
            let edits = try Self.edits(
                remove: removed, defaults: absent.map { ($0, "[1, {}]") }, force: forced.map { ($0, #""v""#) },
                max: limited.map { ($0, "5") })
            let result = Self.apply(edits, body)
            let before = try #require(JSONSlice(document: Array(body.utf8)[...]))
            let after = try #require(JSONSlice(document: Array(result.utf8)[...]), "\(edits) of \(body): \(result)")
            #expect(Self.apply(edits, result) == result, "\(edits) of \(body)")
            let roots = Set(edits.paths.map { String($0.description.prefix { $0 != "." }) })
            for name in before.memberNames where !roots.contains(name) {
                #expect(after[name]?.bytes.elementsEqual(before[name]?.bytes ?? []) == true, "\(name) of \(body)")
            }
            #expect(Set(after.memberNames).subtracting(before.memberNames).isSubset(of: roots))
            for path in forced {
                let value = path.split(separator: ".").reduce(after as JSONSlice?) { $0?[String($1)] }
                #expect(value?.string == "v", "\(path) of \(result)")
            }
            for path in removed where !path.contains(".") { #expect(after[path] == nil) }
        }
    }

    @Test(arguments: ["", ".", "a.", ".a", "a..b", "a.b.c.d.e.f.g.h.i"])
    func aPathHasNoEmptyKeys(_ text: String) {
        #expect(BodyEdits.Path(text) == nil)
    }

    @Test(arguments: [
        "model", "Model", "stream", "stream_options.include_usage", "streamOptions", "messages", "messages.x", "prompt",
        "input", "n", "previous_response_id",
    ])
    func membersThatTheGatewayDecidesAreReserved(_ text: String) throws {
        #expect(try Self.path(text).reservation != nil)
        for free in ["temperature", "max_tokens", "x.model", "streams", "instructions"] {
            #expect(try Self.path(free).reservation == nil, "\(free)")
        }
    }

    @Test func descriptionsNameEveryEdit() throws {
        let edits = try Self.edits(remove: ["a"], defaults: [("b", "1")], force: [("c.d", "true")], max: [("e", "2")])
        #expect("\(edits)" == "remove a; default b=1; force c.d=true; max e=2")
        #expect(edits.json == #"{"remove":["a"],"default":{"b":1},"force":{"c.d":true},"max":{"e":2}}"#)
        #expect(!edits.isEmpty && BodyEdits().isEmpty && "\(BodyEdits())" == "")
    }
}
