import Dialects
import SimpleAICore
import Testing

@Suite struct OllamaPairsTests {
    @Test(arguments: try OllamaPair.all("request"))
    func translatesRequest(_ pair: OllamaPair) throws {
        let body = try OllamaSamples.bytes(#require(pair.body))
        let translation = try OllamaRequest.chatRequest(from: body[...], endpoint: pair.ollamaEndpoint)
        #expect(try OllamaSamples.value(translation.body) == pair.expect)
        #expect(translation.endpoint.path == pair.to)
        #expect(translation.droppedFields.sorted() == pair.dropped?.sorted())
    }

    @Test(arguments: try OllamaPair.all("refused"))
    func refusesRequestAndNamesTheField(_ pair: OllamaPair) throws {
        let body = try pair.raw.map { Array($0.utf8) } ?? OllamaSamples.bytes(#require(pair.body))
        let error = #expect(throws: GatewayError.self) {
            try OllamaRequest(body[...], endpoint: pair.ollamaEndpoint)
        }
        #expect(error?.param == pair.param)
        #expect([.invalidRequest, .invalidJSON].contains(error?.code))
        if let param = pair.param { #expect(error?.message.contains(param) == true) }
    }

    @Test(arguments: try OllamaPair.all("response"))
    func translatesCompletion(_ pair: OllamaPair) throws {
        let completion = try OllamaSamples.bytes(#require(pair.completion))
        let document = try #require(
            OllamaResponse.response(
                fromCompletion: completion[...], endpoint: pair.ollamaEndpoint, model: "m",
                created: OllamaSamples.created, durations: OllamaSamples.durations))
        #expect(try OllamaSamples.value(document) == pair.expect)
        #expect(try OllamaSamples.documents(document + [0x0A]).count == 1)
    }

    @Test(arguments: try OllamaPair.all("embeddings"))
    func translatesEmbeddings(_ pair: OllamaPair) throws {
        let response = try OllamaSamples.bytes(#require(pair.response))
        let document = OllamaResponse.response(
            fromEmbeddings: response[...], endpoint: pair.ollamaEndpoint, model: "m",
            durations: OllamaSamples.durations)
        #expect(try document.map { try OllamaSamples.value($0) } == pair.expect)
    }

    @Test(arguments: try OllamaPair.all("empty"))
    func respondsToRequestWithoutInput(_ pair: OllamaPair) throws {
        let body = try OllamaSamples.bytes(#require(pair.body))
        let request = try OllamaRequest(body[...], endpoint: pair.ollamaEndpoint)
        #expect(request.purpose == (pair.purpose == "unload" ? .unload : .load))
        let document = OllamaResponse.withoutInput(to: request, model: "m", created: OllamaSamples.created)
        #expect(try OllamaSamples.value(document) == pair.expect)
    }

    @Test(arguments: try OllamaPair.all("stream"))
    func translatesStream(_ pair: OllamaPair) throws {
        var translation = OllamaStreamTranslation(
            endpoint: pair.ollamaEndpoint, model: "m", clock: OllamaSamples.clock)
        var stream: [UInt8] = []
        for chunk in try #require(pair.chunks) { stream += translation.receive(try OllamaSamples.bytes(chunk)[...]) }
        stream += translation.end()
        #expect(try OllamaSamples.documents(stream) == pair.lines)
    }

    @Test(arguments: try OllamaPair.all("native"))
    func readsNativeStream(_ pair: OllamaPair) throws {
        var reader = OllamaStreamReader(model: "m")
        var renamed = 0
        var failure: EngineError?
        for line in try #require(pair.lines) {
            let payload = try [0x20, 0x20] + OllamaSamples.bytes(line)
            switch reader.receive(payload[2...]) {
            case .forward(let range?):
                renamed += 1
                #expect(payload[range].elementsEqual("\"engine/m\"".utf8))
            case .forward(nil): break
            case .failed(let error): failure = error
            }
        }
        #expect(renamed == pair.renamed)
        #expect(reader.pieces == pair.pieces)
        #expect(reader.isComplete == pair.complete)
        #expect(failure?.message == pair.failed)
        #expect(reader.usage == pair.usage.map { TokenUsage(prompt: $0[0], completion: $0[1]) })
    }
}
