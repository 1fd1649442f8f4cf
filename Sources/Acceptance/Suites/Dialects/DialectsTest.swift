/// The APIs of other clients: Anthropic Messages, Ollama, OpenAI Responses, embeddings, rerank, audio, images.
///
/// A deployment chooses its endpoints. The operator states them (`--endpoint`); otherwise an endpoint is tested if the
/// deployment responds on its path, and if the model list states no capabilities or one that the endpoint needs. Checks of
/// other endpoints are skipped.
struct DialectsTest: AcceptanceTest {
    static let name = TestName.dialects

    let session: Session
    /// Selects the sleeping machine, as the Wake-on-LAN test does.
    let sleeper: WakeOnLANTest
    private let listed = Once<ModelList>()
    private let served = OncePerEndpoint<Served>()
    private let spoken = Once<[UInt8]?>()
    private let streamed = OncePerEndpoint<Result<Exchange, RequestFailed>>()
    let waited = Once<WaitingStreams>()

    init(session: Session) {
        self.session = session
        sleeper = WakeOnLANTest(session: session)
    }

    var options: SuiteOptions.Dialects { session.options.dialects }

    /// The response to the first request of an endpoint that is not refused for lack of the endpoint.
    struct Served: Sendable {
        /// The class or model that was requested; empty if the endpoint needs none.
        let target: String
        let credential: Credential
        let exchange: Exchange
        let reply: Result<DialectReply, ResponseProblem>
    }

    /// The outcomes of a step per endpoint. An actor only to protect its state: checks run one after the other.
    actor OncePerEndpoint<Value: Sendable> {
        private var steps: [Endpoint: Once<Value>] = [:]

        func step(_ endpoint: Endpoint) -> Once<Value> {
            let step = steps[endpoint] ?? Once()
            steps[endpoint] = step
            return step
        }
    }

    /// A privileged caller's model list.
    func list() async throws -> ModelList {
        try await listed.value { try await session.modelList(as: try await session.tokens.credential(.specific)) }
    }

    /// - Throws: a SKIP if the deployment does not have the endpoint.
    func served(_ endpoint: Endpoint) async throws -> Served {
        try await served.step(endpoint).value { try await Discovery(test: self, endpoint: endpoint).served() }
    }

    /// As ``served(_:)``, for checks that do not report a missing response.
    ///
    /// - Throws: a SKIP without the endpoint; INCONCLUSIVE without a response.
    func target(_ endpoint: Endpoint) async throws -> Served {
        do {
            return try await served(endpoint)
        } catch let failed as RequestFailed {
            throw Self.undecided(endpoint, "\(failed.failure)")
        }
    }

    /// The complete response of the endpoint, for checks that examine it.
    ///
    /// - Throws: a SKIP without the endpoint; INCONCLUSIVE if there is no complete response, which another check reports.
    func reply(_ endpoint: Endpoint) async throws -> (served: Served, reply: DialectReply) {
        let served = try await target(endpoint)
        switch served.reply {
        case .success(let reply): return (served, reply)
        case .failure(let problem): throw Self.undecided(endpoint, problem.description)
        }
    }

    private static func undecided(_ endpoint: Endpoint, _ reason: String) -> Finding {
        let check = "dialects.\(endpoint.rawValue).answered"
        return .inconclusive("not decided: \(reason), see \(check)", following: check)
    }

    /// A WAV file with spoken words, from the deployment itself; nil if it has none.
    func speech() async throws -> [UInt8]? {
        try await spoken.value {
            let served: Served
            do {
                let isSelected = options.endpoints.isEmpty || options.endpoints.keys.contains(.speech)
                served =
                    isSelected
                    ? try await self.served(.speech)
                    : try await Discovery(test: self, endpoint: .speech, ignoresSelection: true).served()
            } catch is Finding {
                return nil
            } catch is RequestFailed {
                return nil
            }
            guard case .success = served.reply, served.exchange.body.starts(with: "RIFF".utf8) else { return nil }
            return served.exchange.body
        }
    }

    /// The response to a streaming request.
    func stream(_ endpoint: Endpoint) async throws -> Result<Exchange, RequestFailed> {
        let (served, _) = try await reply(endpoint)
        return try await streamed.step(endpoint).value {
            try await session.outcome(
                of: endpoint.request(model: served.target, as: served.credential, stream: true, session: session))
        }
    }

    /// Verifies that streams of the endpoint are complete where none is disturbed.
    ///
    /// - Throws: INCONCLUSIVE if they are not, which another check reports.
    func requireCompleteStreams(_ endpoint: Endpoint) async throws {
        let check = "dialects.\(endpoint.rawValue).stream"
        if let exchange = try await stream(endpoint).exchange, (try? endpoint.reply(exchange)) != nil { return }
        throw Finding.inconclusive("not decided: no stream is complete, see \(check)", following: check)
    }

    /// A model id that the endpoint served, for callers with the right to exact ids.
    func servedID(_ endpoint: Endpoint) async throws -> String {
        let (served, reply) = try await reply(endpoint)
        guard ModelList.className(served.target) != nil else { return served.target }
        let list = try await list()
        let members = Membership(target: served.target, session: session, list: list).members
        if let id = list.models.first(where: { members.contains($0.id) && $0.isAwake })?.id { return id }
        guard let id = reply.model ?? ServingRunner(served.exchange).model, ModelList.className(id) == nil else {
            throw Finding.skip("no model id of \(served.target) is known")
        }
        return id
    }
}
