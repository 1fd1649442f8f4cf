/// Authentication and authorization: who is let in, and to what.
///
/// Names of roles and of claims are the deployment's business: two roles differ if the deployment treats them
/// differently. A token is decoded only to explain a failure.
struct AuthenticationTest: AcceptanceTest {
    static let name = TestName.authentication

    let session: Session
    /// Every refusal and every answer of this test, for the checks that look at all of them.
    let log = Log()
    private let listed = Once<ModelList>()
    private let probed = ProbeTable()

    init(session: Session) { self.session = session }

    /// What came so far. An actor for its memory alone: checks run one after the other.
    actor Log {
        private(set) var exchanges: [Exchange] = []
        func append(_ exchange: Exchange) { exchanges.append(exchange) }
    }

    /// What is asked for in the table of rights.
    enum Resource: Hashable, Sendable {
        case classes, existingID, unknownID, models, admin
    }

    /// A positive or negative credential series' answers, by (persona, path or model).
    private actor ProbeTable {
        var answers: [String: Exchange] = [:]
        func answer(_ key: String) -> Exchange? { answers[key] }
        func set(_ key: String, _ exchange: Exchange) { answers[key] = exchange }
    }

    func send(_ request: APIRequest) async throws -> Exchange {
        let exchange = try await session.send(request)
        await log.append(exchange)
        return exchange
    }

    func list() async throws -> ModelList {
        try await listed.value { try await session.modelList(as: try await session.tokens.credential(.specific)) }
    }

    /// A caller's answer for a class or id; asked for once.
    func chat(_ model: String, as persona: Persona) async throws -> Exchange {
        let key = "\(persona.name) \(model)"
        if let known = await probed.answer(key) { return known }
        let credential = try await session.tokens.credential(persona)
        let exchange = try await send(try session.chatRequest(model, as: credential))
        await probed.set(key, exchange)
        return exchange
    }

    /// A caller's answer to a GET; asked for once.
    func get(_ path: String, as persona: Persona) async throws -> Exchange {
        let key = "\(persona.name) \(path)"
        if let known = await probed.answer(key) { return known }
        let exchange = try await send(.get(path, as: try await session.tokens.credential(persona)))
        await probed.set(key, exchange)
        return exchange
    }

    /// Classes to ask for that this deployment has (listed, or not 404 for everybody), and those that it has not.
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
                isKnown = try await !session.isAnsweredLikeNothing(exchange)
                if isKnown { break }
            }
            if isKnown { present.append(target) } else { missing.append(target) }
        }
        guard !targets.isEmpty else { throw Finding.skip("neither class:fast nor class:big woke") }
        guard !present.isEmpty else { throw Finding.skip("the deployment has neither class:fast nor class:big") }
        return (present, missing)
    }

    /// An exact id that exists, preferably on a machine that is up.
    func existingID() async throws -> String {
        let models = try await list().models
        if let model = models.first(where: \.isReady) ?? models.first(where: \.isAwake) ?? models.first {
            return model.id
        }
        let credential = try await session.tokens.credential(.basic)
        let exchange = try await send(try session.chatRequest("class:fast", as: credential))
        // An answer that is no completion names no id; that it is none is the business of other checks.
        if let completion = try? Completion(exchange), !completion.model.hasPrefix("class:") { return completion.model }
        throw Finding.skip("no exact id is known to exist: the list has none and class:fast names none")
    }

    /// The positive control after a negative series: the caller's good token still works.
    func control(as persona: Persona = .basic) async throws {
        let request = APIRequest.get("/v1/models", as: try await session.tokens.credential(persona))
        let exchange = try await send(request)
        guard exchange.isSuccess else {
            throw Finding.fail(
                "positive control: a good token (\(persona.name)) got \(exchange.status) from /v1/models",
                Evidence(exchange, expected: "200"))
        }
    }
}
