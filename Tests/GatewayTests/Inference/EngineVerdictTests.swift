import SimpleAICore
import Testing

@testable import Gateway

/// contract.md, "An engine's own errors".
@Suite struct EngineVerdictTests {
    @Test func everyStatusHasItsVerdict() {
        for status in 100...599 {
            let expected: EngineVerdict =
                switch status {
                case 200...299: .answer
                case 401, 403, 407: .refusesUs
                case 404: .modelMissing
                case 429: .busy
                case 500: .callersError
                case 502, 503, 504: .unavailable
                case 400...499: .callersError
                default: .nonsense
                }
            #expect(EngineVerdict(status: status) == expected, "\(status)")
        }
        for status in [400, 413, 422, 500] { #expect(EngineVerdict(status: status) == .callersError) }
        for status in [0, -1, 99, 600, 999] { #expect(EngineVerdict(status: status) == .nonsense) }
    }

    @Test(
        arguments: [
            (401, GatewayError.Code.upstreamError, 502, nil), (403, .upstreamError, 502, nil),
            (407, .upstreamError, 502, nil),
            (404, .noRunnerAvailable, 503, 10), (429, .rateLimitExceeded, 429, 5), (502, .upstreamError, 502, 5),
            (503, .upstreamError, 502, 5), (504, .upstreamError, 502, 5), (302, .upstreamError, 502, nil),
            (200, .upstreamError, 502, nil), (500, .upstreamError, 502, nil), (400, .invalidRequest, 400, nil),
            (422, .invalidRequest, 400, nil),
        ] as [(Int, GatewayError.Code, Int, Int?)])
    func whatTheCallerIsTold(_ status: Int, _ code: GatewayError.Code, _ ours: Int, _ retryAfter: Int?) {
        let error = Sample.document(status).error(runner: "secret-runner")
        #expect(error.code == code)
        #expect(error.status() == ours)
        let header = error.headers().first { $0.name == "Retry-After" }?.value
        #expect(header == retryAfter.map(String.init))
        #expect(!error.message.contains("secret-runner"))
        #expect(error.cause == "runner secret-runner answered \(status)")
        #expect(!error.headers().contains { $0.name == "WWW-Authenticate" })
    }

    /// An engine may say anything; it must not be able to stop the gateway with it.
    @Test(arguments: [(0, "1"), (7, "7"), (60, "60"), (61, "60"), (Int.max, "60"), (-5, "1"), (Int.min, "1")])
    func enginesRetryAfterIsBounded(_ stated: Int, _ header: String) {
        for status in [429, 503] {
            let error = Sample.document(status, retryAfter: stated).error(runner: "r")
            #expect(error.headers().first { $0.name == "Retry-After" }?.value == header)
        }
    }
}
