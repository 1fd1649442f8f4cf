/// Routing: the requested model responds; a model that does not exist or is not permitted is refused.
struct ModelRoutingTest: AcceptanceTest {
    static let name = TestName.modelRouting

    let session: Session
    private let listed = Once<ModelList>()
    private let calledRoutes = Once<[Route]>()
    private let verifiedID = Once<VerifiedModelID>()

    init(session: Session) { self.session = session }

    var options: SuiteOptions.ModelRouting { session.options.modelRouting }

    /// The calls for one class or one exact id.
    struct Route: Sendable {
        let target: String
        /// The last one streams.
        let calls: [Result<Exchange, RequestFailed>]
        /// Why the route is skipped; nil if it is judged.
        let skipped: String?

        var isClass: Bool { ModelList.className(target) != nil }

        /// The first call without a complete completion.
        var failure: (ResponseProblem, Evidence)? {
            for call in calls {
                if case .failure(let problem) = call.completion {
                    return (problem, call.evidence(expected: "200 and a complete response"))
                }
            }
            return nil
        }

        /// The models that non-streaming responses name.
        var plainModels: Set<String> {
            calls.reduce(into: []) { names, call in
                guard call.exchange?.request.wantsStream == false, case .success(let completion) = call.completion
                else { return }
                names.insert(completion.model)
            }
        }

        /// The models that responded.
        var models: Set<String> {
            calls.reduce(into: []) { names, call in
                if case .success(let completion) = call.completion { names.insert(completion.model) }
            }
        }
    }

    /// A model id that is known to exist, and the evidence for it.
    struct VerifiedModelID: Sendable {
        let id: String
        let proof: String
    }

    /// A privileged caller's model list, which contains ids that are hidden from others.
    func list() async throws -> ModelList {
        try await listed.value { try await session.modelList(as: try await session.tokens.credential(.specific)) }
    }

    /// The operator's targets, or else both classes and up to six models on awake machines.
    func targets() async throws -> [String] {
        if !options.models.isEmpty { return options.models }
        let list = try await list()
        let classes = ["class:fast", "class:big"]
        // An exact id on a sleeping machine is requested only if the operator names it: waking has its own test.
        return classes + list.chatModels.filter(\.isAwake).prefix(6).map(\.id)
    }

    /// The calls of each route, the last one streaming; routes are called one after the other.
    func routes() async throws -> [Route] {
        try await calledRoutes.value {
            var routes: [Route] = []
            for target in try await targets() {
                if options.models.isEmpty, session.failedWakes.contains(target) {
                    routes.append(Route(target: target, calls: [], skipped: FailedWakes.note(on: target)))
                    continue
                }
                session.progress("requesting \(target)")
                routes.append(try await callRoute(target))
            }
            return routes
        }
    }

    private func callRoute(_ target: String) async throws -> Route {
        let caller = try await session.credential(for: target)
        let requests = try (1...options.callsPerRoute).map {
            try session.chatRequest(target, as: caller, stream: $0 == options.callsPerRoute)
        }
        let calls = try await session.sendAll(requests)
        return Route(target: target, calls: calls, skipped: try await reasonToSkip(target, calls: calls))
    }

    private func reasonToSkip(_ target: String, calls: [Result<Exchange, RequestFailed>]) async throws -> String? {
        try await session.usabilityProblem(
            of: target, isNamed: !options.models.isEmpty, calls: calls, list: try await list()
        )?.text
    }

    /// An existing id, verified by a response to a privileged caller or else by the model list.
    func provenID() async throws -> VerifiedModelID {
        try await verifiedID.value {
            for route in try await routes() where !route.isClass && route.models.contains(route.target) {
                return VerifiedModelID(id: route.target, proof: "it served a caller with model:specific")
            }
            let served = try await routes().flatMap { $0.models.sorted() }.first { !$0.hasPrefix("class:") }
            if let id = try await list().chatModels.first(where: \.isAwake)?.id ?? served {
                return VerifiedModelID(id: id, proof: "the deployment lists it or served with it")
            }
            throw Finding.skip("no existing id is known")
        }
    }
}
