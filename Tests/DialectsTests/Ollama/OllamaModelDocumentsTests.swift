import SimpleAICore
import Testing

@testable import Dialects

@Suite struct OllamaModelDocumentsTests {
    private let known = OllamaModel(
        id: "llama3:8b", modifiedAt: "2026-01-02T03:04:05Z", size: 4_700_000_000,
        digest: String(repeating: "a1", count: 32),
        details: OllamaModel.Details(format: "gguf", family: "llama", parameterSize: "8.0B", quantizationLevel: "Q4_0"),
        capabilities: ["completion", "tools"], contextLength: 8192)
    private let unknown = OllamaModel(id: "x", modifiedAt: "2026-01-02T03:04:05Z")

    private func first(_ bytes: [UInt8]) throws -> [ExactString: JSONValue] {
        let models = try #require(OllamaSamples.value(bytes).object?["models"]?.array)
        return try #require(models.first?.object)
    }

    @Test(arguments: try OllamaPair.all("document"))
    func writesDocument(_ pair: OllamaPair) throws {
        let loaded = OllamaLoadedModel(model: known, expiresAt: "2026-01-02T04:00:00Z", sizeInVRAM: 5)
        let error = GatewayError(
            .modelNotFound, "Unknown model \"x\". GET /v1/models lists the models you can use.")
        let document: [UInt8]? =
            switch pair.name {
            case "tags": OllamaModelDocuments.tags([known, unknown])
            case "ps": OllamaModelDocuments.ps([loaded, OllamaLoadedModel(model: unknown)])
            case "show": OllamaModelDocuments.show(known)
            case "show of an unknown model": OllamaModelDocuments.show(unknown)
            case "keepalive of chat": OllamaKeepalive.keepalive(model: "m", created: OllamaSamples.created)
            case "keepalive of generate":
                OllamaKeepalive.keepalive(model: "m", created: OllamaSamples.created, endpoint: .generate)
            case "error": OllamaErrors.body(error.message)
            default: nil
            }
        #expect(try OllamaSamples.value(#require(document)) == pair.expect)
    }

    @Test func digestsDependOnTheID() throws {
        #expect(OllamaModelDocuments.tags([]) == Array("{\"models\":[]}".utf8))
        let digest = try first(OllamaModelDocuments.tags([unknown]))["digest"]?.string
        var other = unknown
        other.id = "y"
        #expect(try first(OllamaModelDocuments.tags([other]))["digest"]?.string != digest)
        // Ollama's command line cannot print a short digest.
        other.digest = "short"
        #expect(try first(OllamaModelDocuments.tags([other]))["digest"]?.string?.utf8.count == 64)
    }

    @Test func statesAVersionThatClientsCanCompare() throws {
        let version = try #require(OllamaSamples.value(OllamaModelDocuments.version()).object?["version"]?.string)
        let numbers = version.split(separator: ".").compactMap { Int($0) }
        #expect(numbers.count == 3)
        #expect([0, 6, 4].lexicographicallyPrecedes(numbers))
    }
}
