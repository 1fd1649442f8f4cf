/// Authentication and authorization: which callers are accepted, and for which resources.
///
/// The deployment chooses the names of roles and claims: two roles differ if the deployment treats them differently. A
/// token is decoded only to explain a failure.
struct AuthenticationTest: AcceptanceTest {
    static let name = TestName.authentication

    let session: Session
    /// All responses of this test, for the checks that examine each of them.
    let log = Log()
    private let listed = Once<ModelList>()
    private let cachedResponses = ResponseCache()

    init(session: Session) { self.session = session }

    /// The responses so far. An actor only to protect its state: checks run one after the other.
    actor Log {
        private(set) var exchanges: [Exchange] = []
        func append(_ exchange: Exchange) { exchanges.append(exchange) }
    }

    /// The resources of the permission table.
    enum Resource: Hashable, Sendable {
        case classes, existingID, unknownID, models, admin
    }

    /// Responses by caller and path or model, so that each request is sent once.
    private actor ResponseCache {
        var responses: [String: Exchange] = [:]
        func response(_ key: String) -> Exchange? { responses[key] }
        func set(_ key: String, _ exchange: Exchange) { responses[key] = exchange }
    }

    func send(_ request: APIRequest) async throws -> Exchange {
        let exchange = try await session.send(request)
        await log.append(exchange)
        return exchange
    }

    func list() async throws -> ModelList {
        try await listed.value { try await session.modelList(as: try await session.tokens.credential(.specific)) }
    }

    /// The response to a caller's chat request for a class or id, which is sent once.
    func chat(_ model: String, as persona: Persona) async throws -> Exchange {
        let key = "\(persona.name) \(model)"
        if let known = await cachedResponses.response(key) { return known }
        let credential = try await session.tokens.credential(persona)
        let exchange = try await send(try session.chatRequest(model, as: credential))
        await cachedResponses.set(key, exchange)
        return exchange
    }

    /// The response to a caller's GET request, which is sent once.
    func get(_ path: String, as persona: Persona) async throws -> Exchange {
        let key = "\(persona.name) \(path)"
        if let known = await cachedResponses.response(key) { return known }
        let exchange = try await send(.get(path, as: try await session.tokens.credential(persona)))
        await cachedResponses.set(key, exchange)
        return exchange
    }

    /// Whether the deployment has `class:fast` and `class:big`: it lists them, or does not return 404 to every caller.
    func classes() async throws -> (present: [String], missing: [String]) {
        let targets = ["class:fast", "class:big"].filter { !session.failedWakes.contains($0) }
        var present: [String] = []
        var missing: [String] = []
        let list = try await list()
        for target in targets {
            if list.classNames.contains(String(target.dropFirst(6))) {
                present.append(target)
                continue
            }
            var isKnown = false
            for persona in session.tokens.hasRoles ? Persona.allCases : [.basic] {
                let exchange = try await chat(target, as: persona)
                if session.isRefused(exchange, as: .unknown) { continue }
                isKnown = try await !session.isRefusedLikeUnknownClass(exchange)
                if isKnown { break }
            }
            if isKnown { present.append(target) } else { missing.append(target) }
        }
        guard !targets.isEmpty else { throw Finding.skip("neither class:fast nor class:big woke up") }
        guard !present.isEmpty else { throw Finding.skip("the deployment has neither class:fast nor class:big") }
        return (present, missing)
    }

    /// An existing exact id, preferably on a machine that is up.
    func existingID() async throws -> String {
        let models = try await list().chatModels
        if let model = models.first(where: \.isReady) ?? models.first(where: \.isAwake) ?? models.first {
            return model.id
        }
        let credential = try await session.tokens.credential(.basic)
        let exchange = try await send(try session.chatRequest("class:fast", as: credential))
        // A response that is not a completion names no id; other checks report it.
        if let completion = try? Completion(exchange), !completion.model.hasPrefix("class:") { return completion.model }
        throw Finding.skip("no existing id is known: neither the model list nor class:fast names one")
    }

    /// The positive control after refusals: the caller's valid token still works.
    func checkValidTokenStillWorks(as persona: Persona = .basic) async throws {
        let request = APIRequest.get("/v1/models", as: try await session.tokens.credential(persona))
        let exchange = try await send(request)
        guard exchange.isSuccess else {
            throw Finding.fail(
                "positive control: the provided token (\(persona.name)) got \(exchange.status) from /v1/models",
                Evidence(exchange, expected: "200"))
        }
    }
}
