import Foundation
import Settings
import SimpleAICore
import Testing

@testable import LocalFleet

extension Integration {
    /// Responses of any media type: speech and images.
    @Suite struct MediaTests {
        private typealias Engine = ScriptedEngine

        private static let speech = #"{"model":"m","input":"hello","voice":"alloy"}"#

        private static func audioHead(_ fields: String = "Transfer-Encoding: chunked\r\n") -> String {
            "HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n\(fields)\r\n"
        }

        @Test func speechArrivesWhileItIsGenerated() async throws {
            let mayEnd = Watched(false)
            try await withEngine({ _, wire in
                try await wire.send(Self.audioHead() + Engine.chunk("first"))
                _ = try await mayEnd.value { $0 }
                try await wire.send(Engine.chunk("second") + Engine.lastChunk)
            }) { (gateway, engine) async throws in
                let wire = try await gateway.connect()
                try await wire.send(gateway.request(Self.speech, "POST", "/v1/audio/speech"))
                let early = try await wire.peek { $0.text == "first" }
                #expect(early["content-type"] == "audio/mpeg" && early["x-accel-buffering"] == "no")
                mayEnd.update { $0 = true }
                let response = try await wire.response()
                #expect(response.text == "firstsecond" && response.endedCleanly)
                #expect(try engine.request(0).path == "/v1/audio/speech")
                await wire.close()
                try await gateway.settled()
            }
        }

        @Test func aStatedLengthIsKept() async throws {
            try await withEngine({ _, wire in
                try await wire.send(Self.audioHead("Content-Length: 6\r\n") + "abcdef")
            }) { (gateway, _) async throws in
                let response = try await gateway.send(Self.speech, "POST", "/v1/audio/speech")
                #expect(response["content-length"] == "6" && response.text == "abcdef")
            }
        }

        @Test(arguments: ["Transfer-Encoding: chunked\r\n", "Content-Length: 100\r\n"])
        func truncatedSpeechNeverEndsCleanly(fields: String) async throws {
            try await withEngine({ _, wire in
                let isChunked = fields.hasPrefix("T")
                try await wire.send(Self.audioHead(fields) + (isChunked ? Engine.chunk("first") : "first"))
                throw Engine.ClientLeft()
            }) { (gateway, _) async throws in
                let response = try await gateway.send(Self.speech, "POST", "/v1/audio/speech")
                #expect(!response.endedCleanly)
                try await gateway.settled()
            }
        }

        @Test func errorsAreRecognizedByTheirStatus() async throws {
            try await withEngine({ request, wire in
                let isKnown = request.body.contains("alloy")
                try await wire.send(
                    isKnown
                        ? Engine.document(
                            "{\"error\":{\"message\":\"voice is busy\"}}", status: "500 Internal Server Error")
                        : Engine.document("{\"detail\":\"unknown voice\"}", status: "422 Unprocessable Entity"))
            }) { (gateway, _) async throws in
                let refused = try await gateway.send(
                    #"{"model":"m","input":"x","voice":"v"}"#, "POST", "/v1/audio/speech")
                #expect(refused.status == 422)
                #expect(try refused.error().message == "unknown voice")
                let failed = try await gateway.send(Self.speech, "POST", "/v1/audio/speech")
                #expect(failed.status == 500)
                #expect(try failed.error().message == "voice is busy")
                let incomplete = try await gateway.send(#"{"model":"m"}"#, "POST", "/v1/audio/speech")
                #expect(try incomplete.error().param == "input")
                #expect(try await gateway.send(Self.speech, "POST", "/v1/audio/speech", roles: []).status == 403)
            }
        }

        @Test func anEngineWithoutSpeechIsNotAskedAgain() async throws {
            try await withEngine(DialectEngine.chatOnly) { (gateway, engine) async throws in
                for _ in 0..<2 {
                    let response = try await gateway.send(Self.speech, "POST", "/v1/audio/speech")
                    #expect(response.status == 501)
                    #expect(try response.error().message.contains("/v1/audio/speech"))
                }
                #expect(engine.paths == ["/v1/audio/speech"])
            }
        }

        @Test(arguments: [10, 300_000])
        func imagesAreDocuments(size: Int) async throws {
            let document =
                "{\"created\":1,\"data\":[{\"b64_json\":\"\(String(repeating: "A", count: size))\"}],"
                + "\"usage\":{\"input_tokens\":5,\"output_tokens\":9}}"
            try await withEngine({ _, wire in try await wire.send(Engine.document(document)) }) {
                (gateway, _) async throws in
                let response = try await gateway.send(
                    #"{"model":"m","prompt":"a cat"}"#, "POST", "/v1/images/generations")
                #expect(response.text == document)
                let metrics = try await gateway.metrics { $0["simpleai_calls_open"] == 0 }
                #expect(metrics["simpleai_tokens_total{kind=\"completion\"}"] == 9)
                try await gateway.settled()
            }
        }

        @Test func eventsOfImagesPassUnchanged() async throws {
            let event = "event: image_generation.partial_image\ndata: {\"b64_json\":\"AA\"}\n\n"
            try await withEngine({ _, wire in
                try await wire.send(Engine.streamHead + Engine.chunk(event) + Engine.lastChunk)
            }) { (gateway, _) async throws in
                let response = try await gateway.send(
                    #"{"model":"m","prompt":"a cat","stream":true}"#, "POST", "/v1/images/generations")
                #expect(response.text == event && response.endedCleanly)
                #expect(response["content-type"] == "text/event-stream")
            }
        }

        /// Metrics and limits count what the events state.
        @Test(arguments: [
            ("/v1/images/generations", speech.replacing("input", with: "prompt"), "image_generation.completed", 2, 8.0),
            ("/v1/audio/speech", speech, "speech.audio.done", 2, 4.0),
        ])
        func eventsAreMetered(path: String, body: String, name: String, count: Int, tokens: Double) async throws {
            let content = String(repeating: "A", count: 100_000)
            let event =
                "event: \(name)\r\ndata: {\"type\":\"\(name)\",\"b64_json\":\"\(content)\","
                + "\"usage\":{\"input_tokens\":5,\"output_tokens\":4,\"total_tokens\":9}}\r\n\r\n"
            try await withEngine(
                { _, wire in
                    try await wire.send(Engine.streamHead)
                    for _ in 0..<count { try await wire.send(Engine.chunk(event)) }
                    try await wire.send(Engine.lastChunk)
                }, settings: { $0.limits.caller.tokensPerDay = 5 }
            ) { (gateway, _) async throws in
                let response = try await gateway.send(body, "POST", path)
                #expect(response.text == String(repeating: event, count: count))
                let metrics = try await gateway.metrics { $0["simpleai_calls_open"] == 0 }
                #expect(metrics["simpleai_tokens_total{kind=\"completion\"}"] == tokens)
                #expect(try await gateway.send(body, "POST", path).status == 429)
                try await gateway.settled()
            }
        }
    }
}
