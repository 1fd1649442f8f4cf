import NIOCore
import SimpleAICore
import Testing

@testable import Relay

@Suite struct ModelRewriterTests {
    private func restore(_ body: String, _ model: ModelID = "public") -> ModelRewriter.Response? {
        ModelRewriter.restore(ByteBuffer(string: body), model: model)
    }

    @Test func replacesOnlyTheModelID() throws {
        let body =
            #" {"id":"1", "model" : "local" ,"choices":[{"model":"local"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#
            + "\n"
        let response = try #require(restore(body))
        #expect(String(buffer: response.body) == body.replacing(#""model" : "local""#, with: #""model" : "public""#))
        #expect(response.usage == TokenUsage(prompt: 1, completion: 2))
    }

    @Test(arguments: [#"{"model":"public"}"#, #"{"model":"publi\u0063"}"#, #"{"model":null}"#, #"{"id":"x"}"#, "{}"])
    func forwardsABodyThatNeedsNoChange(body: String) throws {
        #expect(String(buffer: try #require(restore(body)).body) == body)
    }

    @Test func anIdIsEscapedAsJSON() throws {
        #expect(String(buffer: try #require(restore(#"{"model":"local"}"#, "a\"b")).body) == #"{"model":"a\"b"}"#)
    }

    @Test(arguments: ["", "[]", "\"model\"", "{\"model\":\"local\"", "<html>", "{}{}"])
    func rejectsABodyThatIsNotAnObject(body: String) {
        #expect(restore(body) == nil)
    }

    @Test(
        arguments: [
            (#"{"id":"resp_1","model":"local"}"#, "resp_1"), (#"{"model":"public","id":"r\u0031"}"#, "r1"),
            (#"{"id":7}"#, nil), ("{}", nil), (#"{"id":"a","model":"x","id":"b"}"#, "b"),
        ] as [(String, String?)])
    func readsTheResponseIDOnRequest(body: String, id: String?) throws {
        let response = try #require(ModelRewriter.restore(ByteBuffer(string: body), model: "public", readsID: true))
        #expect(response.id == id)
        #expect(ModelRewriter.restore(ByteBuffer(string: #"{"id":"a"}"#), model: "public")?.id == nil)
    }

    /// An error object without a result is an error, for any status.
    @Test(
        arguments: [
            (#"{"error":{"message":"x"}}"#, "x"), (#"{"error":"x"}"#, "x"), (#"{"object":"error","message":"x"}"#, "x"),
            (#"{"error":{"message":"x"},"choices":[]}"#, "x"), (#"{"error":{"message":"x"},"data":null}"#, "x"),
            (#"{"error":"x","error":"y"}"#, "y"), (#"{"error":null,"choices":[{}]}"#, nil),
            (#"{"error":{"message":"x"},"choices":[{}]}"#, nil), (#"{"error":""}"#, nil), (#"{"error":{}}"#, nil),
            (#"{"error":false}"#, nil), (#"{"error":0}"#, nil), (#"{"detail":"x"}"#, nil), (#"{"object":"list"}"#, nil),
        ] as [(String, String?)])
    func anErrorWithoutAResultIsFound(body: String, message: String?) throws {
        #expect(try #require(restore(body)).error?.message == message)
    }

    /// A failed response of `/v1/responses` is a response.
    @Test func aFailedResponseIsAResult() throws {
        let failed = #"{"id":"resp_1","object":"response","status":"failed","error":{"message":"x"},"output":[]}"#
        let response = try #require(ModelRewriter.restore(ByteBuffer(string: failed), model: "m", readsID: true))
        #expect(response.error == nil)
        let other = ByteBuffer(string: #"{"error":"Unexpected endpoint or method. (POST /v1/responses)"}"#)
        #expect(ModelRewriter.restore(other, model: "m", readsID: true)?.error?.message != nil)
    }

    /// Invalid JSON that engines write.
    @Test(arguments: [
        #"{"model":"local","x":[NaN,-Infinity,Infinity]}"#, "\u{FEFF}{\"model\":\"local\"}",
        "{\"model\":\"local\",\"x\":\"a\nb\"}",
    ])
    func acceptsInvalidJSONThatEnginesWrite(body: String) throws {
        let response = try #require(restore(body))
        #expect(String(buffer: response.body) == body.replacing("local", with: "public"))
    }

    @Test func acceptsATruncatedCharacter() throws {
        let end: [UInt8] = Array(#"{"model":"local","x":""#.utf8) + [0xF0, 0x9F] + Array(#""}"#.utf8)
        let response = try #require(ModelRewriter.restore(ByteBuffer(bytes: end), model: "public"))
        #expect(Array(response.body.readableBytesView).contains(0x9F))
    }
}
