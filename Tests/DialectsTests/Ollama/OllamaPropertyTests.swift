import Dialects
import SimpleAICore
import TestSupport
import Testing

@Suite struct OllamaPropertyTests {
    @Test func translationKeepsTheMeaningOfRequests() throws {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<400 {
            let request = OllamaRandom.chatRequest(&generator)
            let body = try OllamaSamples.bytes(.object(request))
            let translation = try OllamaRequest.chatRequest(from: body[...])
            #expect(translation.droppedFields.isEmpty)
            let back = try OllamaReverse.chatRequest(OllamaSamples.value(translation.body))
            #expect(JSONValue.object(back) == JSONValue.object(OllamaReverse.normalized(request)))
        }
    }

    @Test func streamAndDocumentHaveTheSameMeaning() throws {
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<300 {
            let endpoint: OllamaEndpoint = generator.chance(0.7) ? .chat : .generate
            let completion = OllamaRandom.completion(&generator, withCalls: endpoint == .chat)
            let document = try #require(
                OllamaResponse.response(
                    fromCompletion: OllamaSamples.bytes(completion.document)[...], endpoint: endpoint, model: "m",
                    created: OllamaSamples.created, durations: OllamaSamples.durations))
            var translation = OllamaStreamTranslation(endpoint: endpoint, model: "m", clock: OllamaSamples.clock)
            var stream: [UInt8] = []
            for chunk in completion.chunks { stream += translation.receive(try OllamaSamples.bytes(chunk)[...]) }
            stream += translation.end()
            let joined = try OllamaReverse.joined(OllamaSamples.documents(stream))
            #expect(try JSONValue.object(joined) == OllamaSamples.value(document))
        }
    }

    @Test func fastPathEqualsParsing() throws {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<200 {
            var translation = OllamaStreamTranslation(endpoint: .chat, model: "m", clock: OllamaSamples.clock)
            for chunk in OllamaRandom.completion(&generator, withCalls: false).chunks {
                var parsing = OllamaStreamTranslation(endpoint: .chat, model: "m", clock: OllamaSamples.clock)
                let bytes = try OllamaSamples.bytes(chunk)[...]
                #expect(translation.receive(bytes) == parsing.receive(bytes))
            }
        }
    }

    @Test func randomOrdersEndWithOneLastLine() throws {
        var generator = SeededGenerator(seed: 4)
        let noise = [
            "{}", "[]", "null", "1", "{\"choices\":null}", "{\"choices\":[{\"delta\":null}]}",
            #"{"choices":[{"delta":{"tool_calls":{}}}]}"#, #"{"choices":[{"delta":{"tool_calls":[1,{}]}}]}"#,
            #"{"choices":[{"delta":{"content":[{"text":"x"},1]},"finish_reason":""}]}"#,
            "{\"choices\":[{\"text\":{}}]}",
            #"{"choices":[{"delta":{"content":"a","reasoning":{}},"finish_reason":7}],"usage":{}}"#, "", "{",
        ]
        for _ in 0..<300 {
            let endpoint: OllamaEndpoint = generator.chance(0.5) ? .chat : .generate
            var payloads = try OllamaRandom.completion(&generator, withCalls: true).chunks.map(OllamaSamples.bytes)
            payloads += noise.map { Array($0.utf8) }
            payloads.shuffle(using: &generator)
            var translation = OllamaStreamTranslation(endpoint: endpoint, model: "m", clock: OllamaSamples.clock)
            var stream: [UInt8] = []
            let end = Int.random(in: 0...payloads.count, using: &generator)
            for payload in payloads[..<end] { stream += translation.receive(payload[...]) }
            stream += translation.end()
            for payload in payloads[end...] { stream += translation.receive(payload[...]) }
            stream += translation.end()
            let lines = try OllamaSamples.documents(stream)
            let isLast = lines.map { $0.object?["done"] == .bool(true) }
            #expect(isLast == Array(repeating: false, count: lines.count - 1) + [true])
        }
    }

    @Test func noBytesCrash() throws {
        var generator = SeededGenerator(seed: 5)
        var samples = try OllamaPair.all("request").compactMap { try $0.body.map(OllamaSamples.bytes) }
        samples += try OllamaPair.all("response").compactMap { try $0.completion.map(OllamaSamples.bytes) }
        samples += try OllamaPair.all("embeddings").compactMap { try $0.response.map(OllamaSamples.bytes) }
        samples += try OllamaPair.all("native").flatMap { try ($0.lines ?? []).map(OllamaSamples.bytes) }
        let inference: [OllamaEndpoint] = [.chat, .generate, .embed, .embeddings]
        for _ in 0..<6000 {
            var bytes = samples.randomElement(using: &generator) ?? []
            for _ in 0..<Int.random(in: 0...4, using: &generator) { OllamaRandom.damage(&bytes, &generator) }
            let endpoint = inference.randomElement(using: &generator) ?? .chat
            if let request = try? OllamaRequest(bytes[...], endpoint: endpoint) {
                #expect(throws: Never.self) { try OllamaSamples.value(request.translation().body) }
            }
            let document = OllamaResponse.response(
                fromCompletion: bytes[...], endpoint: endpoint, model: "m", created: "t",
                durations: OllamaSamples.durations)
            if let document { #expect(throws: Never.self) { try OllamaSamples.documents(document + [0x0A]) } }
            _ = OllamaResponse.response(
                fromEmbeddings: bytes[...], endpoint: endpoint, model: "m", durations: OllamaSamples.durations)
            var reader = OllamaStreamReader(model: "m")
            if case .forward(let range?) = reader.receive(bytes[...]) {
                #expect(range.lowerBound >= 0 && range.upperBound <= bytes.count)
            }
            var translation = OllamaStreamTranslation(endpoint: endpoint, model: "m", clock: OllamaSamples.clock)
            let lines = translation.receive(bytes[...]) + translation.receive(bytes[...]) + translation.end()
            #expect(throws: Never.self) { try OllamaSamples.documents(lines) }
            _ = try? OllamaModelDocuments.shownModel(in: bytes[...])
        }
    }
}
