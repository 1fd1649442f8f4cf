import NIOCore
import SimpleAICore
import Testing

@testable import FleetControl

/// Model lists in the formats of real engines.
@Suite struct EngineModelListTests {
    private func read(_ text: String) -> EngineModelList? { EngineModelList(ByteBuffer(string: text)) }

    @Test(
        arguments: [
            (#"{"object":"list","data":[{"id":"a","object":"model"},{"id":"b"}]}"#, ["a", "b"]),
            // Go encodes an empty list as null.
            (#"{"object":"list","data":null}"#, []), (#"{"models":null}"#, []), (#"{"data":[]}"#, []),
            // A bare list, as some providers return it.
            (#"[{"id":"a"},{"id":"b"}]"#, ["a", "b"]),
            // Ollama's own list.
            (#"{"models":[{"name":"llama3:8b","model":"llama3:8b","size":1}]}"#, ["llama3:8b"]),
            (#"{"data":["a",{"id":"b"}]}"#, ["a", "b"]),
            (#"{"data":[{"id":"a"},{"id":"a"},{"id":"b"}]}"#, ["a", "b"]),
            (#"{"data":[{"id":"org/model name:q4"},{"id":"我的模型[test] v2"}]}"#, ["org/model name:q4", "我的模型[test] v2"]),
            (#"{"data":[{"id":"\u212A"},{"id":"K"}]}"#, ["\u{212A}", "K"]),
        ] as [(String, [EngineModelID])])
    func isRead(_ text: String, _ models: [EngineModelID]) throws {
        let list = try #require(read(text))
        #expect(list.models == models)
        #expect(list.skipped == 0 && list.problem == nil)
    }

    /// A malformed entry does not affect the others.
    @Test(arguments: [
        (#"{"id":""}"#, "an id is empty"), (#"{"id":null}"#, "an entry lacks a string id"),
        (#"{"id":7}"#, "an entry lacks a string id"), (#"{}"#, "an entry lacks a string id"),
        ("null", "an entry lacks a string id"), ("[1]", "an entry lacks a string id"),
        (#"{"id":"a\r\nX-Evil: 1"}"#, "an id contains the forbidden character U+000D"),
        (#"{"id":"a\n\ndata: {}"}"#, "an id contains the forbidden character U+000A"),
        (#"{"id":"a\u202eb"}"#, "an id contains the forbidden character U+202E"),
    ])
    func skipsOnlyTheMalformedEntry(_ entry: String, _ problem: String) throws {
        let list = try #require(read("{\"data\":[{\"id\":\"a\"},\(entry),{\"id\":\"b\"}]}"))
        #expect(list.models == ["a", "b"])
        #expect(list.skipped == 1 && list.problem == problem)
    }

    @Test(arguments: ["", "null", "7", "{}", #"{"data":{}}"#, #"{"data":"x"}"#, "<html>", #"{"data":[{"id":"a"}"#])
    func isNone(_ text: String) { #expect(read(text) == nil) }

    @Test func isBounded() throws {
        let entries = (0..<6_000).map { "{\"id\":\"m\($0)\"}" }.joined(separator: ",")
        let list = try #require(read("{\"data\":[\(entries)]}"))
        #expect(list.models.count == EngineModelList.maxModels && list.models.last == "m4095")
        #expect(list.skipped == 6_000 - EngineModelList.maxModels)
        let long = String(repeating: "m", count: 600)
        #expect(read("{\"data\":[{\"id\":\"\(long)\"},{\"id\":\"a\"}]}")?.models == ["a"])
    }
}
