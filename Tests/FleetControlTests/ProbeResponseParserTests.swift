import NIOCore
import Relay
import Settings
import SimpleAICore
import Testing

@testable import FleetControl

/// The meaning of a probe's result: values from real engines, proxies and networks.
@Suite struct ProbeResponseParserTests {
    private static let list = "{\"object\":\"list\",\"data\":[{\"id\":\"m\",\"object\":\"model\"}]}"
    private static let nginx = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n</html>"

    private func reader(
        models: [ModelID] = ["m"], path: String = Settings.Probe.usualPath, aliases: [ModelID: String] = [:]
    ) -> ProbeResponseParser {
        var runner = Settings.StaticRunner(id: "r", url: "http://127.0.0.1:1")
        runner.models = models
        runner.aliases = aliases
        runner.probe.path = path
        return ProbeResponseParser(runner)
    }

    private static func response(
        _ status: Int, _ body: String = "", _ mediaType: String = "application/json"
    ) -> Result<UpstreamFetch.Response, UpstreamFailure> {
        .success(UpstreamFetch.Response(status: status, mediaType: mediaType, body: ByteBuffer(string: body)))
    }

    enum Meaning: String, Sendable {
        case able, loading, silent, refused, notAble, foreignResponse, unreachable, noConnection
    }

    private func meaning(_ finding: ProbeFinding) -> Meaning {
        switch finding {
        case .responded: .able
        case .loading: .loading
        case .silent: .silent
        case .refused: .refused
        case .notAble: .notAble
        case .foreignResponse: .foreignResponse
        case .unreachable: .unreachable
        case .noConnection: .noConnection
        }
    }

    struct Row: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let result: Result<UpstreamFetch.Response, UpstreamFailure>
        let meaning: Meaning
        /// The meaning if the settings state no models.
        let withoutModels: Meaning

        init(
            _ name: String, _ result: Result<UpstreamFetch.Response, UpstreamFailure>, _ meaning: Meaning,
            withoutModels: Meaning? = nil
        ) {
            (testDescription, self.result, self.meaning) = (name, result, meaning)
            self.withoutModels = withoutModels ?? meaning
        }
    }

    static let rows = [
        Row("a list", response(200, list), .able),
        Row("a list of nothing", response(200, "{\"object\":\"list\",\"data\":[]}"), .able),
        Row("an error object with 200 (LM Studio)", response(200, "{\"error\":\"Unexpected endpoint\"}"), .able),
        Row(
            "a captive portal", response(200, "<!DOCTYPE html><html></html>", "text/html; charset=utf-8"),
            .foreignResponse),
        Row("a page without its media type", response(200, "\r\n <html></html>", ""), .foreignResponse),
        Row("a login redirect", response(302, "", "text/html"), .foreignResponse),
        Row("nginx, no backend", response(502, nginx, "text/html"), .foreignResponse),
        Row("Envoy, no backend", response(503, "no healthy upstream", "text/plain"), .foreignResponse),
        Row(
            "HAProxy, no backend", response(503, "<html><body><h1>503</h1></body></html>", "text/html"),
            .foreignResponse),
        Row("Traefik, no backend", response(502, "Bad Gateway", "text/plain"), .foreignResponse),
        Row("a gateway's timeout", response(504, "", "text/plain"), .foreignResponse),
        Row(
            "llama-server loads",
            response(503, "{\"error\":{\"message\":\"Loading model\",\"type\":\"unavailable_error\",\"code\":503}}"),
            .loading),
        Row("vLLM is not ready", response(503, "", ""), .loading),
        Row(
            "text-generation-inference", response(503, "{\"error\":\"unhealthy\",\"error_type\":\"healthcheck\"}"),
            .loading),
        Row("a text about loading", response(503, "Model is loading, please wait", "text/plain"), .loading),
        Row("no list at all (text-embeddings-inference)", response(404, "", ""), .able, withoutModels: .notAble),
        Row("a list for others", response(401, "{\"error\":\"Unauthorized\"}"), .able, withoutModels: .notAble),
        Row("a list that is not implemented", response(501, "{\"error\":{}}"), .able, withoutModels: .notAble),
        Row("nginx without this site", response(404, "<html>404 Not Found</html>", "text/html"), .foreignResponse),
        Row("a proxy's login page", response(403, "<html>Sign in</html>", "text/html"), .foreignResponse),
        Row("too much to do", response(429, "{\"error\":{}}"), .able),
        Row("a broken engine", response(500, "{\"error\":{\"message\":\"CUDA error\"}}"), .notAble),
        Row("refused", .failure(.refused), .refused),
        Row("no SYN-ACK", .failure(.unreachable("no answer")), .unreachable),
        Row("accepted, silent", .failure(.firstByteTimeout), .silent),
        Row("accepted, half a response", .failure(.gapTimeout), .silent),
        Row("accepted, closed at once", .failure(.closedBeforeResponse), .foreignResponse),
        Row("another protocol", .failure(.malformed("SSH-2.0")), .foreignResponse),
        Row("another certificate", .failure(.untrusted("self signed")), .foreignResponse),
    ]

    @Test(arguments: rows) func oneResultMeans(_ row: Row) {
        var stated = reader()
        #expect(meaning(stated.read(row.result)) == row.meaning)
        var open = reader(models: [])
        #expect(meaning(open.read(row.result)) == row.withoutModels)
    }

    /// Another machine has the address now: its list differs, too.
    @Test func anotherMachineAtItsAddress() {
        var reader = reader(models: ["m"], aliases: ["m": "engine-m"])
        let own = Self.response(200, "{\"data\":[{\"id\":\"engine-m\"},{\"id\":\"more\"}]}")
        let other = Self.response(200, "{\"data\":[{\"id\":\"foreign\"}]}")
        #expect(meaning(reader.read(own)) == .able)
        let finding = reader.read(other)
        #expect(meaning(finding) == .foreignResponse)
        #expect(finding.problem?.contains("foreign") == false)
        #expect(meaning(reader.read(own)) == .able)
    }

    /// Ollama lists `m:latest` for a model that the settings call `m`.
    @Test func aStatedModelMayBeListedWithItsTag() {
        var reader = reader(models: ["m"])
        #expect(meaning(reader.read(Self.response(200, "{\"data\":[{\"id\":\"m:latest\"}]}"))) == .able)
        #expect(meaning(reader.read(Self.response(200, "{\"data\":[{\"id\":\"foreign\"}]}"))) == .foreignResponse)
    }

    /// If the list decides, a different list may be the same engine with another model: it is accepted.
    @Test func anotherListIsAcceptedWithoutStatedModels() {
        var reader = reader(models: [])
        #expect(meaning(reader.read(Self.response(200, Self.list))) == .able)
        let other = Self.response(200, "{\"data\":[{\"id\":\"another\"}]}")
        #expect(
            reader.read(other)
                == .responded(models: EngineModelList(ByteBuffer(string: "{\"data\":[{\"id\":\"another\"}]}"))))
    }

    /// Some engines list nothing until they have loaded the model.
    @Test(arguments: [["m"], []] as [[ModelID]])
    func anEmptyListAfterAFilledOneMeansLoading(_ models: [ModelID]) {
        var reader = reader(models: models)
        let (nothing, some) = (Self.response(200, "{\"data\":[]}"), Self.response(200, Self.list))
        #expect(meaning(reader.read(nothing)) == .able)
        #expect(meaning(reader.read(some)) == .able)
        #expect(meaning(reader.read(nothing)) == .loading)
        #expect(meaning(reader.read(some)) == .able)
    }

    /// llama-server lists the path of its file, whatever model is requested.
    @Test func anEngineMayListItsModelsUnderOtherNames() {
        var reader = reader(models: ["m"])
        for _ in 0..<3 {
            #expect(meaning(reader.read(Self.response(200, "{\"data\":[{\"id\":\"/models/m.gguf\"}]}"))) == .able)
        }
    }

    @Test func aConfiguredProbePathAcceptsAnyResponse() {
        var reader = reader(path: "/")
        #expect(meaning(reader.read(Self.response(200, "<html>llama.cpp</html>", "text/html"))) == .able)
        #expect(meaning(reader.read(Self.response(200, "Ollama is running", "text/plain"))) == .able)
        #expect(meaning(reader.read(Self.response(404, ""))) == .notAble)
        #expect(meaning(reader.read(Self.response(503, ""))) == .loading)
    }

    @Test(arguments: [
        (200, EngineCheck.Outcome.works), (429, .works), (404, .refuses), (405, .refuses), (400, .refuses),
        (422, .refuses), (501, .refuses), (401, .refuses), (403, .refuses),
    ])
    func anEngineThatRefusesWorkIsHealthy(_ status: Int, _ outcome: EngineCheck.Outcome) {
        #expect(EngineCheck.outcome(on: Self.response(status)) == outcome)
    }

    @Test(arguments: [500, 502, 503, 504])
    func anEngineThatFailsDoesNotWork(_ status: Int) {
        guard case .fails = EngineCheck.outcome(on: Self.response(status)) else {
            Issue.record("\(status) is taken for work")
            return
        }
    }
}
