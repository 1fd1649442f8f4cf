/// Determines whether the deployment has an endpoint, and with which model.
struct Discovery: Sendable {
    let test: DialectsTest
    let endpoint: Endpoint
    /// Whether the endpoint is tried although the operator names others, because the test of another one needs it.
    var ignoresSelection = false

    private var session: Session { test.session }
    private var options: SuiteOptions.Dialects { test.options }

    /// The first response that is not a refusal for lack of the endpoint.
    ///
    /// - Throws: a SKIP if the deployment does not have the endpoint.
    func served() async throws -> DialectsTest.Served {
        let isNamed = options.endpoints.keys.contains(endpoint)
        guard options.endpoints.isEmpty || isNamed || ignoresSelection else {
            throw Finding.skip("--endpoint does not name \(endpoint.rawValue)").sharingReason()
        }
        let (targets, isListed) = try await targets()
        if !isNamed, !isListed { try await probe() }
        session.progress("requesting \(endpoint.title)")
        var refused: DialectsTest.Served?
        for target in targets {
            if session.failedWakes.contains(target) { throw Finding.skip(FailedWakes.note(on: target)) }
            let served = try await request(target)
            if isNamed || isListed || !isAbsence(served.exchange) { return served }
            refused = refused ?? served
        }
        throw notServed(refused, trials: targets.count)
    }

    /// Verifies that the path exists: a deployment that has it finds fault with an empty object.
    private func probe() async throws {
        let caller = try await session.tokens.credential(.basic)
        let exchange = try await session.send(endpoint.request([:], as: caller))
        guard [404, 405, 501].contains(exchange.status) else { return }
        throw Finding.skip("the deployment does not serve \(endpoint.title) (status \(exchange.status))")
            .sharingReason()
    }

    private func request(_ target: String) async throws -> DialectsTest.Served {
        let credential = try await session.credential(for: target)
        let speech = endpoint == .transcriptions ? try await test.speech() : nil
        let exchange = try await session.send(
            endpoint.request(model: target, as: credential, speech: speech, session: session))
        let reply: Result<DialectReply, ResponseProblem>
        do throws(ResponseProblem) {
            reply = .success(try endpoint.reply(exchange))
        } catch {
            reply = .failure(error)
        }
        if session.tokens.hasSingleToken, session.isRefused(exchange, as: .denied) {
            throw Finding.skip(UnusableTarget.denied(target: target).text)
        }
        return .init(target: target, credential: credential, exchange: exchange, reply: reply)
    }

    /// Whether the response states that this model has no such endpoint.
    private func isAbsence(_ exchange: Exchange) -> Bool {
        switch endpoint.modelKind {
        case .chat, nil: exchange.status == 404 || exchange.status == 501
        // The model is only a trial: engines refuse it with various codes.
        default: (400...499).contains(exchange.status) || exchange.status == 501
        }
    }

    private func notServed(_ served: DialectsTest.Served?, trials: Int) -> Finding {
        let models =
            trials == 1 ? served?.target ?? "" : trials == 0 ? "no listed model that is up" : "none of \(trials) models"
        let verb = trials == 1 ? "does not serve" : "serves"
        let status = served.map { " (status \($0.exchange.status))" } ?? ""
        return .skip("\(models) \(verb) \(endpoint.title)\(status); set --endpoint \(endpoint.rawValue)=MODEL")
            .sharingReason()
    }

    /// The classes and models to request, in this order, and whether the model list states that they serve the endpoint.
    private func targets() async throws -> (targets: [String], isListed: Bool) {
        if let named = options.endpoints[endpoint], let model = named { return ([model], true) }
        guard let kind = endpoint.modelKind else { return ([""], false) }
        let list = try await test.list()
        let capable = list.entries.filter { !$0.capabilities.isDisjoint(with: kind.capabilityNames) }
        if kind == .chat { return ([chatTarget(list, capable: capable)], false) }
        let usable = session.tokens.hasSingleToken ? list.entries : list.models
        let byState = { (entries: [ModelList.Entry]) in
            (entries.filter(\.isReady) + entries.filter { !$0.isReady }).map(\.id)
        }
        if !capable.isEmpty { return (Array(byState(capable).prefix(1)), true) }
        guard list.entries.allSatisfy(\.capabilities.isEmpty) else {
            throw Finding.skip("no listed model has the capability for \(endpoint.title)").sharingReason()
        }
        // The list states no capabilities. Only models that are up are tried: waking has its own checks.
        return (Array(byState(usable.filter(\.isAwake)).prefix(Self.maxTrials)), false)
    }

    /// The number of models that are tried if the list does not state which of them serves an endpoint.
    private static let maxTrials = 8

    private func chatTarget(_ list: ModelList, capable: [ModelList.Entry]) -> String {
        if let model = options.model { return model }
        let target = TargetChoice.forLoad(list)
        let states = list.entries.contains { !$0.capabilities.isEmpty }
        let isCapable = capable.contains { entry in list.entries(serving: target).contains { $0.id == entry.id } }
        guard states, !isCapable else { return target }
        return capable.first(where: \.isAwake)?.id ?? capable.first?.id ?? target
    }
}
