extension DialectsTest {
    private enum Start {
        case content(after: Duration)
        case waiting
        case ended(Result<Exchange, any Error>)
    }

    /// Fills the slots of the target with long streams until one has to wait, closes the others, and observes that the
    /// waiting one begins.
    func cancel(_ endpoint: Endpoint) async throws -> Finding {
        let served = try await reply(endpoint).served
        try await requireCompleteStreams(endpoint)
        var running: [LiveStream] = []
        defer { for stream in running { stream.close() } }
        var slowestStart = Duration.zero
        while running.count < options.maxStreams {
            session.progress("\(running.count) streams occupy slots of \(served.target)")
            let request = try endpoint.request(
                model: served.target, as: served.credential, stream: true, isLong: true, session: session)
            let stream = session.client.open(request, timeout: session.timeout)
            defer { if running.last !== stream { stream.close() } }
            switch try await start(of: stream, endpoint, within: max(options.queueThreshold, slowestStart * 5)) {
            case .content(let delay):
                slowestStart = max(slowestStart, delay)
                running.append(stream)
            case .waiting: return try await judge(endpoint, served.target, running: running, waiter: stream, request)
            case .ended(let result): return try refusal(result, running: running.count)
            }
            if running.contains(where: { $0.outcome != nil }) { return Self.tooFast(running.count) }
        }
        return .skip("\(running.count) concurrent streams did not fill the slots of \(served.target)")
    }

    private func judge(
        _ endpoint: Endpoint, _ target: String, running: [LiveStream], waiter: LiveStream, _ request: APIRequest
    ) async throws -> Finding {
        guard let oldest = running.first else {
            return .inconclusive("not decided: the first long stream got no content; other calls may occupy \(target)")
        }
        guard !running.contains(where: { $0.outcome != nil }) else { return Self.tooFast(running.count) }
        // Without a cancel the waiting stream would begin when the oldest one ends.
        let parts = max(1, endpoint.contentParts(in: oldest.body))
        let elapsed = ContinuousClock.now - oldest.started
        let remaining = elapsed * (Double(max(0, Endpoint.longCount - parts)) / Double(parts))
        let limit = min(options.cancelTimeout, remaining / 2)
        guard limit >= .seconds(1) else { return Self.tooFast(running.count) }
        for stream in running { stream.close() }
        switch try await start(of: waiter, endpoint, within: limit) {
        case .content(let delay):
            return .pass(
                "\(running.count) streams filled the slots of \(target); the next one began \(delay.readable) after they "
                    + "were closed, without that not for \(remaining.readable)")
        case .ended(let result): return try refusal(result, running: running.count)
        case .waiting:
            let failed = RequestFailed(
                request: request, failure: .timedOut(after: limit, seen: "\(running.count) streams were closed before"))
            return .fail(
                "\(running.count) streams were closed, and the waiting one did not begin within \(limit.readable)",
                Evidence(failed, expected: "content soon after the other streams were closed"))
        }
    }

    private static func tooFast(_ count: Int) -> Finding {
        .skip(
            "responses end too soon: the model generates too little, or too fast, for \(count + 1) concurrent streams")
    }

    private func refusal(_ result: Result<Exchange, any Error>, running: Int) throws -> Finding {
        let exchange = try result.get()
        if exchange.isSuccess { return Self.tooFast(running) }
        guard [429, 503].contains(exchange.status) else {
            return .fail(
                "concurrent stream \(running + 1) got \(exchange.status)\(exchange.dialectErrorSummary)",
                Evidence(exchange, expected: "a stream, or 429 or 503"))
        }
        return .skip("stream \(running + 1) was refused with \(exchange.status): limits prevent this check")
    }

    /// Waits for the first content of a stream.
    private func start(of stream: LiveStream, _ endpoint: Endpoint, within limit: Duration) async throws -> Start {
        let begin = ContinuousClock.now
        while true {
            if let outcome = stream.outcome { return .ended(outcome) }
            if endpoint.contentParts(in: stream.body) > 0 { return .content(after: .now - begin) }
            if ContinuousClock.now - begin >= limit { return .waiting }
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}
