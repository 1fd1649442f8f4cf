import Foundation
import Synchronization

/// State that all checks of a run share: the deployment, the tokens, the options and the client.
struct Session: Sendable {
    let client: APIClient
    let tokens: TokenSource
    var options: SuiteOptions
    let redactor: Redactor
    /// Timeout of each request.
    let timeout: Duration
    let observe: @Sendable (SuiteEvent) -> Void
    /// Accuracy of this machine's time measurements; measured on first use.
    let clock: @Sendable () async throws -> ClockAccuracy
    /// The targets that did not wake so far; shared by the tests of a round.
    let failedWakes: FailedWakes
    private let random: RandomSource

    /// The seeded random numbers, shared by the sessions of all tests.
    final class RandomSource: Sendable {
        let generator: Mutex<SeededGenerator>

        init(seed: UInt64) { generator = Mutex(SeededGenerator(seed: seed)) }
    }

    init(
        client: APIClient, tokens: TokenSource, options: SuiteOptions, redactor: Redactor, timeout: Duration,
        random: RandomSource, failedWakes: FailedWakes, clock: @escaping @Sendable () async throws -> ClockAccuracy,
        observe: @escaping @Sendable (SuiteEvent) -> Void
    ) {
        self.client = client
        self.tokens = tokens
        self.options = options
        self.redactor = redactor
        self.timeout = timeout
        self.random = random
        self.failedWakes = failedWakes
        self.clock = clock
        self.observe = observe
    }

    // MARK: Sending

    func send(_ request: APIRequest, timeout: Duration? = nil) async throws -> Exchange {
        do {
            let exchange = try await client.send(request, timeout: timeout ?? self.timeout)
            trace(exchange)
            return exchange
        } catch let failed as RequestFailed {
            observe(.trace(.verbose, redactor.redact("\(request.method) \(request.path): \(failed.failure)")))
            throw failed
        }
    }

    func get(_ path: String, as credential: Credential, timeout: Duration? = nil) async throws -> Exchange {
        try await send(.get(path, as: credential), timeout: timeout)
    }

    func chat(
        _ model: String, as credential: Credential, stream: Bool = false, timeout: Duration? = nil
    ) async throws -> Exchange {
        try await send(try chatRequest(model, as: credential, stream: stream), timeout: timeout)
    }

    /// A chat request with a unique prompt, so that no cache can serve it.
    func chatRequest(_ model: String, as credential: Credential, stream: Bool = false) throws -> APIRequest {
        let prompt = "\(nonce()): answer with the single word ready."
        let body = try JSONEncoder().encode(ChatRequest(model: model, prompt: prompt, stream: stream))
        return APIRequest(
            method: "POST", path: "/v1/chat/completions", credential: credential, body: body, wantsStream: stream)
    }

    /// Sends all requests concurrently; results are in the order of the requests.
    func sendAll(_ requests: [APIRequest]) async throws -> [Result<Exchange, RequestFailed>] {
        try await withThrowingTaskGroup(of: (Int, Result<Exchange, RequestFailed>).self) { group in
            for (index, request) in requests.enumerated() {
                group.addTask { (index, try await outcome(of: request)) }
            }
            var results = [Int: Result<Exchange, RequestFailed>]()
            for try await (index, result) in group { results[index] = result }
            return requests.indices.compactMap { results[$0] }
        }
    }

    /// The response, or the reason why there is none; throws only on cancellation.
    func outcome(of request: APIRequest) async throws -> Result<Exchange, RequestFailed> {
        do {
            return .success(try await send(request))
        } catch let failed as RequestFailed {
            return .failure(failed)
        }
    }

    // MARK: The deployment

    func modelList(as credential: Credential, timeout: Duration? = nil) async throws -> ModelList {
        let exchange = try await get("/v1/models", as: credential, timeout: timeout)
        if tokens.hasSingleToken, isRefused(exchange, as: .denied) {
            throw Finding.skip("the provided token may not list models")
        }
        do throws(ResponseProblem) {
            return try ModelList(exchange)
        } catch {
            throw Finding.fail("\(error)", Evidence(exchange, expected: "200 and a JSON object with the array `data`"))
        }
    }

    /// The credential for requests to `model`: a basic token for classes, a privileged one for exact ids.
    func credential(for model: String) async throws -> Credential {
        try await tokens.credential(ModelList.className(model) == nil ? .specific : .basic)
    }

    /// Members of a class: from the operator's map, otherwise from the model list; empty if neither states them.
    func members(ofClass name: String, in list: ModelList) -> Set<String> {
        options.classMap[name] ?? list.members(ofClass: name)
    }

    // MARK: Random values and text

    /// Hexadecimal digits, unique within this run.
    func nonce() -> String {
        let value = random.generator.withLock { $0.next() }
        return String(value, radix: 16)
    }

    func progress(_ text: String) { observe(.progress(text)) }

    private func trace(_ exchange: Exchange) {
        let line =
            "\(exchange.request.method) \(exchange.request.path) as \(exchange.request.credential.name): "
            + "\(exchange.status) in \(exchange.duration.readable)"
        observe(.trace(.verbose, redactor.redact(line)))
        let evidence = Evidence(exchange, expected: "")
        observe(.trace(.debug, redactor.redact("> \(evidence.sent)\n< \(evidence.received)")))
        observe(.trace(.debug, "  \(CallPhases([exchange]).description)"))
    }
}

/// A kind of caller, by the role of its token.
enum Persona: Sendable, CaseIterable {
    case basic, specific, admin

    /// The role to request from the token binary; nil requests none.
    var role: String? {
        switch self {
        case .basic: nil
        case .specific: "model:specific"
        case .admin: "admin"
        }
    }

    var name: String { role ?? "basic" }
}
