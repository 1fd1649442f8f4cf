import NIOCore
import SimpleAICore
import Testing

@testable import Relay

@Suite struct ModelRewriterTests {
    private func restore(_ body: String, _ model: ModelID = "public") -> ModelRewriter.Answer? {
        ModelRewriter.restore(ByteBuffer(string: body), model: model)
    }

    @Test func theEnginesIdBecomesThePublicOneAndNothingElseChanges() throws {
        let body =
            #" {"id":"1", "model" : "local" ,"choices":[{"model":"local"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#
            + "\n"
        let answer = try #require(restore(body))
        #expect(String(buffer: answer.body) == body.replacing(#""model" : "local""#, with: #""model" : "public""#))
        #expect(answer.usage == TokenUsage(prompt: 1, completion: 2))
    }

    @Test(arguments: [#"{"model":"public"}"#, #"{"model":"publi\u0063"}"#, #"{"model":null}"#, #"{"id":"x"}"#, "{}"])
    func whatNeedsNoChangePassesUntouched(body: String) throws {
        #expect(String(buffer: try #require(restore(body)).body) == body)
    }

    @Test func anIdIsEscapedAsJSON() throws {
        #expect(String(buffer: try #require(restore(#"{"model":"local"}"#, "a\"b")).body) == #"{"model":"a\"b"}"#)
    }

    @Test(arguments: ["", "[]", "\"model\"", "{\"model\":\"local\"", "<html>", "{}{}"])
    func whatIsNoObjectIsNoAnswer(body: String) {
        #expect(restore(body) == nil)
    }

    @Test(
        arguments: [
            (#"{"id":"resp_1","model":"local"}"#, "resp_1"), (#"{"model":"public","id":"r\u0031"}"#, "r1"),
            (#"{"id":7}"#, nil), ("{}", nil), (#"{"id":"a","model":"x","id":"b"}"#, "b"),
        ] as [(String, String?)])
    func theIdIsReadWhereItIsAskedFor(body: String, id: String?) throws {
        let answer = try #require(ModelRewriter.restore(ByteBuffer(string: body), model: "public", readsID: true))
        #expect(answer.id == id)
        #expect(ModelRewriter.restore(ByteBuffer(string: #"{"id":"a"}"#), model: "public")?.id == nil)
    }

    @Test func anErrorObjectIsOneThatAnSDKUnderstands() {
        let objects = [
            #"{"error":{"message":"x"}}"#: true, #"{"error":"x"}"#: false, #"{"detail":"x"}"#: false, "x": false,
        ]
        for (body, isOne) in objects {
            #expect(ModelRewriter.isErrorObject(ByteBuffer(string: body)) == isOne, "\(body)")
        }
    }
}
