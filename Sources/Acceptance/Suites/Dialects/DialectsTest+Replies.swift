extension DialectsTest {
    func answered(_ endpoint: Endpoint) async throws -> Finding {
        let served = try await served(endpoint)
        let target = served.target.isEmpty ? "" : "\(served.target): "
        switch served.reply {
        case .success(let reply):
            return reply.undecided.map { .inconclusive("\(target)\($0)") } ?? .pass("\(target)\(reply.content)")
        case .failure(let problem):
            return .fail(
                "\(target)\(problem)",
                Evidence(served.exchange, expected: "200 and a complete response of \(endpoint.path)"))
        }
    }

    func model(_ endpoint: Endpoint) async throws -> Finding {
        let (served, reply) = try await reply(endpoint)
        guard let model = reply.model ?? ServingRunner(served.exchange).model else {
            guard endpoint.namesModel else {
                return .skip("neither the response nor a header names the model")
            }
            return .fail("the response has no model", Evidence(served.exchange, expected: "`model`"))
        }
        let membership = Membership(target: served.target, session: session, list: try await list())
        if let problem = membership.problem(with: model) {
            return .fail(
                problem, Evidence(served.exchange, expected: "the model that was requested, or one of its class"))
        }
        if membership.members.isEmpty {
            return .inconclusive(
                "the members of \(served.target) are unknown: the model list has no classes; set --class-map NAME=a,b")
        }
        guard endpoint.streams, case .success(let exchange) = try await stream(endpoint) else {
            return .pass("\(served.target) → \(model)")
        }
        // An incomplete stream is the business of another check.
        guard let streamed = try? endpoint.reply(exchange).model else { return .pass("\(served.target) → \(model)") }
        if let problem = membership.problem(with: streamed) {
            return .fail("in a stream: \(problem)", Evidence(exchange, expected: "the same model as without streaming"))
        }
        return .pass("\(served.target) → \(model), in a document and in a stream")
    }

    func streamIsComplete(_ endpoint: Endpoint) async throws -> Finding {
        let result = try await stream(endpoint)
        guard let exchange = result.exchange else { return try failure(result, "a stream") }
        do throws(ResponseProblem) {
            return .pass(try endpoint.reply(exchange).content)
        } catch {
            return .fail("\(error)", Evidence(exchange, expected: "a complete stream of \(endpoint.path)"))
        }
    }

    private func failure(_ result: Result<Exchange, RequestFailed>, _ expected: String) throws -> Finding {
        _ = try result.get()
        return .inconclusive("no response")
    }

    func tagsAreComplete() async throws -> Finding {
        let served = try await reply(.ollamaTags).served
        let entries = served.exchange.json?["models"]?.array ?? []
        let tags = Set(entries.compactMap { $0["name"]?.string } + entries.compactMap { $0["model"]?.string })
        // The same caller's list: what it may use.
        let list = try await session.modelList(as: served.credential)
        // Ollama adds a tag to names without one.
        let missing = list.models.map(\.id).filter { !tags.contains($0) && !tags.contains("\($0):latest") }
        guard let first = missing.first else {
            let asleep = list.models.count { !$0.isAwake }
            return .pass("\(list.models.count) models, \(asleep) of them on sleeping machines")
        }
        let state = list[first]?.state.map { " (\($0))" } ?? ""
        return .fail(
            "\(first)\(state) is in /v1/models, but not in /api/tags",
            Evidence(served.exchange, expected: "every model of /v1/models"))
    }

    // MARK: Metering

    func usage(_ endpoint: Endpoint) async throws -> Finding {
        let (served, reply) = try await reply(endpoint)
        var observations: [String] = []
        if endpoint.statesUsage {
            observations.append(try Self.tokens(reply, endpoint, served.exchange, "the response"))
            if endpoint.streams, let exchange = try await stream(endpoint).exchange,
                let streamed = try? endpoint.reply(exchange)
            {
                _ = try Self.tokens(streamed, endpoint, exchange, "the stream")
            }
        }
        guard let before = try await CallCount.read(session) else {
            guard endpoint.statesUsage else {
                return .skip("responses of this endpoint state no tokens, and /metrics is not readable")
            }
            return .pass(observations.joined())
        }
        let again = try await session.send(
            endpoint.request(model: served.target, as: served.credential, session: session))
        guard let after = try await CallCount.read(session, until: { $0 > before }) else {
            return .inconclusive("/metrics was readable before the call, but not after it")
        }
        guard after > before else {
            return .fail(
                "simpleai_calls_total did not increase (\(before))",
                Evidence(again, expected: "one more call in simpleai_calls_total on /metrics"))
        }
        observations.append("simpleai_calls_total increased")
        return .pass(observations.joined(separator: "; "))
    }

    /// The tokens that a response states.
    ///
    /// - Throws: a FAIL if a number is missing or 0.
    private static func tokens(
        _ reply: DialectReply, _ endpoint: Endpoint, _ exchange: Exchange, _ what: String
    ) throws -> String {
        let isGenerated = endpoint.modelKind == .chat
        guard let input = reply.inputTokens, input > 0 else {
            throw Finding.fail("\(what) does not state its input tokens", Evidence(exchange, expected: "usage above 0"))
        }
        guard isGenerated else { return "\(input) input tokens" }
        guard let output = reply.outputTokens, output > 0 else {
            throw Finding.fail(
                "\(what) does not state its generated tokens", Evidence(exchange, expected: "usage above 0"))
        }
        return "\(input) input and \(output) generated tokens"
    }
}

/// The number of calls that a gateway of this project has counted, from its metrics.
enum CallCount {
    /// - Parameter isExpected: polls for at most two seconds until it holds: a call is counted when it ends, which may be
    ///   after the client has received the last byte.
    /// - Returns: nil if the metrics are not readable, or have no such number.
    static func read(
        _ session: Session, until isExpected: (Double) -> Bool = { _ in true }
    ) async throws -> Double? {
        let limit = ContinuousClock.now + .seconds(2)
        while true {
            let exchange = try await session.get("/metrics", as: .none)
            guard exchange.isSuccess, let count = count(in: exchange.bodyText) else { return nil }
            if isExpected(count) || ContinuousClock.now >= limit { return count }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// The sum of `simpleai_calls_total` over its labels.
    static func count(in metrics: String) -> Double? {
        let values = metrics.split(separator: "\n").filter {
            $0.hasPrefix("simpleai_calls_total{") || $0.hasPrefix("simpleai_calls_total ")
        }.compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }
        // A gateway that has served no call has no series yet.
        if values.isEmpty, metrics.contains("# TYPE simpleai_calls_total") { return 0 }
        return values.isEmpty ? nil : values.reduce(0, +)
    }
}
