import SimpleAICore
import TestSupport
import Testing

@testable import DataPlane

/// The cause that the gateway determines from an engine's error.
@Suite struct ResponseCauseTests {
    private func cause(
        _ status: Int, _ body: String = "", endpoint: Endpoint = .responses, addsUsageOption: Bool = false,
        runnerHasServed: Bool = true, agentCode: String? = nil
    ) -> ResponseCause {
        Sample.document(
            status, body, endpoint: endpoint, addsUsageOption: addsUsageOption, runnerHasServed: runnerHasServed,
            agentCode: agentCode
        ).cause
    }

    @Test func everyStatusHasACause() {
        for status in -1...999 {
            let expected: ResponseCause =
                switch status {
                case 200...299: .result
                case 401, 403, 407: .gatewayRejected
                case 404, 405, 501: .endpointMissing
                case 408: .timedOut
                case 429, 529: .overloaded
                case 400...499: .requestRejected
                case 500: .internalError
                case 502, 503, 504, 520...527, 530: .unavailable
                default: .invalid
                }
            #expect(cause(status) == expected, "\(status)")
        }
    }

    /// A missing model only if the body states it; a missing path if the body states it or is empty; any other 404 is
    /// the request's fault.
    @Test(
        arguments: [
            (#"{"error":{"message":"model \"x\" not found, try pulling it first","type":"api_error"}}"#, .modelMissing),
            (
                #"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","code":404}"#,
                .modelMissing
            ),
            (#"{"error":{"message":"x","code":"model_not_found"}}"#, .modelMissing),
            (#"{"error":"llama3.1:8b: no such file"}"#, .modelMissing),
            ("could not find real modelID for x", .modelMissing),
            (#"{"error":"No models loaded. Please load a model in the developer page"}"#, .modelMissing),
            ("", .endpointMissing), ("404 page not found", .endpointMissing),
            (#"{"detail":"Not Found"}"#, .endpointMissing),
            (#"{"error":{"code":404,"message":"File Not Found","type":"not_found_error"}}"#, .endpointMissing),
            ("<pre>Cannot POST /v1/responses</pre>", .endpointMissing), ("Not Found", .endpointMissing),
            (
                "<html><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1>nginx</body></html>",
                .endpointMissing
            ),
            (#"{"error":"Unexpected endpoint or method. (POST /v1/responses)"}"#, .endpointMissing),
            (
                #"{"error":{"message":"Invalid URL (POST /v1/responses)","type":"invalid_request_error"}}"#,
                .endpointMissing
            ),
            (#"{"error":{"message":"Conversation with id 'conv_1' not found."}}"#, .requestRejected),
            (#"{"detail":"file file-1 was deleted"}"#, .requestRejected),
            ("The image could not be fetched", .requestRejected),
        ] as [(String, ResponseCause)])
    func theBodyOfA404DeterminesItsCause(_ body: String, _ expected: ResponseCause) {
        #expect(cause(404, body) == expected)
    }

    @Test func anErrorInA200IsLikeOneWithItsStatus() {
        #expect(cause(200, #"{"error":{"message":"x"}}"#) == .internalError)
        #expect(Sample.document(200, #"{"error":{"message":"x"}}"#).status == 500)
        #expect(cause(200, #"{"error":{"message":"x","code":400}}"#) == .requestRejected)
        #expect(cause(200, #"{"error":{"message":"x","code":429}}"#) == .overloaded)
        #expect(cause(200, #"{"error":"Unexpected endpoint or method. (POST /v1/responses)"}"#) == .endpointMissing)
        #expect(Sample.document(200, "<html>", isJSON: false).cause == .invalid)
        #expect(Sample.document(200, "<html>", isJSON: false).status == 200)
    }

    /// 503 after a start means loading; so does a body that states it.
    @Test func reportsLoading() {
        #expect(cause(503, runnerHasServed: false) == .loading)
        #expect(cause(503, #"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#) == .loading)
        #expect(cause(503, "server is warming up") == .loading)
        #expect(cause(503, "overloaded") == .unavailable)
        let page = "<html><h1>503 Service Temporarily Unavailable</h1></html>"
        #expect(cause(503, page, runnerHasServed: false) == .foreignResponse, "a front end's")
        #expect(cause(502, runnerHasServed: false) == .unavailable)
    }

    @Test(arguments: [
        (400, #"{"error":{"message":"Unknown parameter: 'stream_options'.","param":"stream_options"}}"#),
        (400, #"{"error":{"message":"property 'stream_options' is unsupported, did you mean 'stream'?"}}"#),
        (
            422,
            #"{"detail":[{"loc":["body","stream_options","include_usage"],"msg":"Extra inputs are not permitted"}]}"#
        ),
        (500, "json: unknown field \"stream_options\""),
        (200, #"{"error":{"message":"stream_options is not supported"}}"#),
    ])
    func reportsARefusedOption(_ status: Int, _ body: String) {
        #expect(cause(status, body, endpoint: .chatCompletions, addsUsageOption: true) == .usageOptionRejected)
        #expect(cause(status, body, endpoint: .chatCompletions) != .usageOptionRejected, "the caller asked for it")
        #expect(cause(429, body, addsUsageOption: true) == .overloaded)
    }

    /// The agent's own errors are distinguished from the engine's.
    @Test func reportsTheAgentsOwnErrors() {
        #expect(cause(503, runnerHasServed: false, agentCode: "no_runner_available") == .unavailable)
        #expect(cause(503, agentCode: "queue_full") == .overloaded)
        #expect(cause(401, agentCode: "invalid_api_key") == .gatewayRejected)
        #expect(cause(404, agentCode: "model_not_found") == .modelMissing)
        #expect(cause(404, agentCode: "not_found") == .endpointMissing)
        #expect(cause(400, agentCode: "invalid_json") == .requestRejected)
        #expect(cause(413, agentCode: "request_too_large") == .requestRejected)
        #expect(cause(400, agentCode: "made up") == .requestRejected)
    }

    @Test(
        arguments: [
            (401, GatewayError.Code.upstreamError, 502, nil), (403, .upstreamError, 502, nil),
            (407, .upstreamError, 502, nil), (404, .endpointNotSupported, 501, nil),
            (501, .endpointNotSupported, 501, nil), (408, .upstreamTimeout, 504, 5),
            (429, .rateLimitExceeded, 429, 5), (502, .upstreamError, 502, 5), (503, .upstreamError, 502, 5),
            (504, .upstreamError, 502, 5), (302, .upstreamError, 502, nil), (200, .upstreamError, 502, nil),
            (500, .upstreamError, 502, nil), (400, .invalidRequest, 400, nil), (422, .invalidRequest, 400, nil),
        ] as [(Int, GatewayError.Code, Int, Int?)])
    func errorsAsTheCallerSeesThem(_ status: Int, _ code: GatewayError.Code, _ ours: Int, _ retryAfter: Int?) {
        let error = Sample.document(status).error(runner: "secret-runner")
        #expect(error.code == code)
        #expect(error.status() == ours)
        let header = error.headers().first { $0.name == "Retry-After" }?.value
        #expect(header == retryAfter.map(String.init))
        #expect(!error.body.json.contains("secret-runner"))
        #expect(error.cause?.hasPrefix("runner secret-runner returned status \(status)") == true)
        #expect(!error.headers().contains { $0.name == "WWW-Authenticate" })
    }

    /// An engine's message about the gateway's credentials is withheld from callers; every other message is passed
    /// on.
    @Test func theEnginesMessageIsKept() {
        let words = #"{"error":{"message":"the words","code":"the_code"}}"#
        for status in [400, 403, 404, 408, 422, 429, 500, 501, 502, 503, 504] {
            let body = status == 404 ? #"{"error":"the words: no route /v1/responses"}"# : words
            let error = Sample.document(status, body).error(runner: "r")
            #expect(error.body.message.contains("the words"), "\(status)")
        }
        for status in [401, 407] {
            #expect(!Sample.document(status, words).error(runner: "r").body.message.contains("the words"))
        }
        #expect(Sample.document(404).error(runner: "r").message.contains("/v1/responses"))
    }

    /// Any value that an engine sends is safe: none of them stops the gateway.
    @Test(arguments: [(0, "1"), (7, "7"), (60, "60"), (61, "60"), (Int.max, "60"), (-5, "1"), (Int.min, "1")])
    func enginesRetryAfterIsBounded(_ stated: Int, _ header: String) {
        for status in [429, 503] {
            let error = Sample.document(status, retryAfter: stated).error(runner: "r")
            #expect(error.headers().first { $0.name == "Retry-After" }?.value == header)
        }
    }
}
