extension DialectsTest {
    /// The streams that were sent to a sleeping target, one per endpoint.
    struct WaitingStreams: Sendable {
        let target: String
        let results: [Endpoint: Result<Exchange, RequestFailed>]
    }

    /// The target of a sleeping machine, put to sleep first if possible.
    ///
    /// - Throws: a SKIP if nothing is asleep.
    private func sleepingTarget() async throws -> String {
        let target = sleeper.target
        guard !session.failedWakes.contains(target) else { throw Finding.skip(FailedWakes.note(on: target)) }
        do {
            _ = try await sleeper.stateBefore()
        } catch let failed as WakeOnLANTest.SleepCommandFailed {
            throw failed.finding
        }
        let state = try await currentState(of: target)
        guard state == .asleep else {
            throw Finding.skip("nothing is asleep: \(target) is \(state.rawValue); --sleep-command puts it to sleep")
        }
        return target
    }

    private func currentState(of target: String) async throws -> TargetState {
        try await session.modelList(as: try await session.credential(for: target)).state(of: target)
    }

    func countingWakesNothing() async throws -> Finding {
        _ = try await reply(.countTokens)
        let target = try await sleepingTarget()
        let caller = try await session.credential(for: target)
        let exchange = try await session.send(
            Endpoint.countTokens.request(model: target, as: caller, session: session))
        let evidence = Evidence(exchange, expected: "200 with `input_tokens`, and \(target) still asleep")
        let content: String
        do throws(ResponseProblem) {
            content = try Endpoint.countTokens.reply(exchange).content
        } catch {
            return .fail("\(target) is asleep: \(error)", evidence)
        }
        // A wake that was started by mistake appears in the list immediately, as `waking`.
        for _ in 0..<4 {
            try await Task.sleep(for: sleeper.options.pollInterval)
            let state = try await currentState(of: target)
            guard state == .asleep else { return .fail("\(target) was asleep, and is \(state.rawValue) now", evidence) }
        }
        return .pass("\(content) in \(exchange.duration.readable); \(target) is still asleep")
    }

    /// Sends a stream of every endpoint to the sleeping target at once: one wake serves all checks.
    private func waitingStreams() async throws -> WaitingStreams {
        try await waited.value {
            let target = try await sleepingTarget()
            let caller = try await session.credential(for: target)
            var endpoints: [Endpoint] = []
            for endpoint in Endpoint.allCases where endpoint.streams {
                do {
                    _ = try await self.target(endpoint)
                    endpoints.append(endpoint)
                } catch is Finding {
                    // Its own check reports it.
                }
            }
            session.progress("streams wait for \(target)")
            let requests = try endpoints.map {
                try $0.request(model: target, as: caller, stream: true, session: session)
            }
            let results = try await session.sendAll(requests)
            return WaitingStreams(target: target, results: Dictionary(uniqueKeysWithValues: zip(endpoints, results)))
        }
    }

    func waiting(_ endpoint: Endpoint) async throws -> Finding {
        try await requireCompleteStreams(endpoint)
        let waited = try await waitingStreams()
        guard let result = waited.results[endpoint] else { return .skip("no stream was sent to \(waited.target)") }
        let exchange = try result.get()
        if exchange.status == 501 {
            return .skip("\(waited.target) does not serve \(endpoint.title) (status 501)")
        }
        let evidence = Evidence(
            exchange,
            expected:
                "\(endpoint.keepaliveName) at least every \(options.silenceTimeout.readable), then a complete stream "
                + "or an error of the dialect")
        guard exchange.isSuccess else {
            if let problem = endpoint.dialect.errorProblem(exchange) {
                return .fail("the wait ended with \(exchange.status), but \(problem)", evidence)
            }
            return .inconclusive(
                "not decided: the stream was refused with \(exchange.status)\(exchange.dialectErrorSummary)")
        }
        let wait = StreamWait(exchange, endpoint: endpoint)
        if let problem = wait.problem(limit: options.silenceTimeout) { return .fail(problem, evidence) }
        do throws(ResponseProblem) {
            _ = try endpoint.reply(exchange)
        } catch {
            guard let reason = wait.finalError else { return .fail("\(error)", evidence) }
            return .inconclusive("not decided: the wait ended with the error \(reason)")
        }
        guard wait.keepaliveCount > 0 else {
            return .skip("the stream waited only \(wait.duration.readable): no keepalive was due")
        }
        return .pass(
            "\(wait.keepaliveCount) keepalives (\(endpoint.keepaliveName)) in \(wait.duration.readable), then complete")
    }
}

/// The time of a stream until its first element that is not for waiting.
struct StreamWait: Sendable {
    let duration: Duration
    let keepaliveCount: Int
    /// The error that ended the stream; nil if it did not end with one.
    let finalError: String?
    private let maxGap: Duration
    private let invalid: String?
    private let hasOnlyComments: Bool
    private let keepaliveName: String

    init(_ exchange: Exchange, endpoint: Endpoint) {
        let items = endpoint.items(body: exchange.body, arrivals: exchange.arrivals, fallback: exchange.done)
        // Comments that name the runner are not for waiting.
        let comments = items.filter { item in
            if case .comment(let text) = item.kind { !text.hasPrefix("served ") } else { false }
        }
        let begin = items.first { !$0.isComment && $0.kind != .keepalive }?.at ?? exchange.done
        let keepalives = (endpoint.dialect == .openAI ? comments : items.filter { $0.kind == .keepalive })
            .filter { $0.at <= begin }
        let sent = exchange.sent ?? exchange.started
        let moments = [sent] + keepalives.map(\.at) + [begin]
        maxGap = zip(moments, moments.dropFirst()).map { $1 - $0 }.max() ?? .zero
        duration = begin - sent
        keepaliveCount = keepalives.count
        hasOnlyComments = keepalives.isEmpty && endpoint.dialect == .anthropic && comments.contains { $0.at <= begin }
        invalid = items.lazy.compactMap { if case .invalid(let text) = $0.kind { text } else { nil } }.first
        let last = items.last { !$0.isComment }?.kind
        finalError = if case .error(let text) = last { text } else { nil }
        keepaliveName = endpoint.keepaliveName
    }

    /// What is wrong with the wait; nil if it is correct.
    func problem(limit: Duration) -> String? {
        if let invalid { return "`\(invalid.prefix(80))` is not an element of this stream" }
        if hasOnlyComments {
            return "the stream waits with comments, which clients do not see, instead of \(keepaliveName)"
        }
        guard maxGap > limit else { return nil }
        return "no keepalive for \(maxGap.readable)"
    }
}
