import SimpleAICore
import Testing

@Suite struct EndpointCapabilityTests {
    @Test(
        arguments: [
            ("qwen3:8b", nil), ("nomic-embed-text:latest", .embedding), ("all-minilm:22m", .embedding),
            ("BAAI/bge-m3", .embedding), ("BAAI/bge-reranker-v2-m3", .rerank),
            ("Systran/faster-whisper-small", .transcription),
            ("hexgrad/Kokoro-82M", .speech), ("stabilityai/sdxl-turbo", .image), ("", nil),
        ] as [(String, ModelCapability?)])
    func namesSuggestCapabilities(name: String, expected: ModelCapability?) {
        #expect(ModelCapability.suggested(by: name) == expected)
    }

    @Test func setsOfEndpointsKeepTheirMembers() {
        for endpoint in Endpoint.allCases {
            let set = EndpointSet([endpoint])
            #expect(set.endpoints == [endpoint])
            #expect(EndpointSet.all.contains(endpoint))
        }
        #expect(
            EndpointSet.all.served(with: [.embedding, .vision]).endpoints
                == [.embeddings, .ollamaEmbed, .ollamaEmbeddings])
        #expect(EndpointSet.all.served(with: []).endpoints.isEmpty)
    }
}
