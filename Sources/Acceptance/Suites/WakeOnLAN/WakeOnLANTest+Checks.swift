extension WakeOnLANTest {
    static let checks: [Check<WakeOnLANTest>] = [
        Check("wol.list.initial", "The model list is served from memory, even while machines sleep.") {
            try await $0.listResponds()
        },
        Check(
            "wol.sleep.proven", "Before the first call, no awake machine can serve the target.",
            needs: "a sleeping machine, or --sleep-command"
        ) { try await $0.sleepProven() },
        Check(
            "wol.unknown-class.refused", "An unknown class gets 404 within two seconds and wakes no machine."
        ) { try await $0.unknownClassRefused() },
        Check("wol.calls.answered", "Every call that waits for a wake gets a complete response.") {
            try await $0.callsAnswered()
        },
        Check(
            "wol.wake.time", "A call for a sleeping model wakes its machine within --max-wake.",
            needs: "proof of sleep"
        ) { try await $0.wakeTime() },
        Check(
            "wol.wake.single-flight", "One wake serves all calls that wait for the same machine.",
            needs: "proof of sleep; x-simpleai-wake or --packet-port"
        ) { try await $0.singleFlight() },
        Check(
            "wol.wake.packet", "A wake sends a valid magic packet before the machine is up.",
            needs: "proof of sleep; --packet-port"
        ) { try await $0.packetSeen() },
        Check(
            "wol.wake.keep-alive", "A waiting stream gets bytes at least every 15 seconds.", needs: "proof of sleep"
        ) { try await $0.keepAlive() },
        Check(
            "wol.list.during-wake", "The model list stays available while calls wait.", needs: "proof of sleep"
        ) { try await $0.listDuringWake() },
        Check("wol.answer.complete", "A response is complete: it has content and a finish_reason.") {
            try await $0.answersComplete()
        },
        Check("wol.answer.stream", "A waiting stream ends with finish_reason and [DONE].") {
            try await $0.streamsComplete()
        },
        Check("wol.answer.model", "A response names the serving model, which belongs to the target.") {
            try await $0.answersBelong()
        },
        Check("wol.list.final", "After the calls, the model list shows the target as ready.") {
            try await $0.listFinal()
        },
        Check("wol.warm.answered", "Once the machine is up, calls are served without another wake.") {
            try await $0.warmAnswered()
        },
        Check(
            "wol.wake.again", "A machine that goes to sleep again is woken again.",
            needs: "proof of sleep; --sleep-command"
        ) { try await $0.secondWake() },
        Check(
            "wol.timing.grade", "A wake takes less than 60 seconds.", level: .advisory,
            needs: "--timing; proof of sleep"
        ) { try await $0.grade() },
    ]

    // MARK: The list

    private func listResponds() async throws -> Finding {
        let list = try await listBefore()
        let took = list.exchange.duration
        guard took < .seconds(5) else {
            return .fail(
                "the model list took \(took.readable): it is not served from memory",
                Evidence(list.exchange, expected: "a response well within 5 s"))
        }
        let state = list.state(of: target)
        return .pass("\(list.entries.count) entries in \(took.readable); \(target) is \(state.rawValue)")
    }

    private func sleepProven() async throws -> Finding {
        let state: TargetState
        do {
            state = try await stateBefore()
        } catch let failed as SleepCommandFailed {
            return failed.finding
        }
        if state == .absent, let finding = try await unprovenSleep() { return finding }
        guard state.isAsleep else {
            return .inconclusive(
                ColdStart.notAsleep(
                    "\(target) is \(state.rawValue)", in: state, hasSleepCommand: options.putToSleep != nil))
        }
        let eta = try await listBefore().entries(serving: target).compactMap(\.wakeETA).min()
        let expected = eta.map { ", expected to wake in \($0.fixed(1)) s" } ?? ""
        return .pass("\(target) is \(state.rawValue)\(expected)")
    }

    /// The finding if nothing proves that an unlisted target slept; nil if the calls prove it.
    ///
    /// Sends the calls, and before them the request for an unknown class, which needs a sleeping target.
    private func unprovenSleep() async throws -> Finding? {
        do {
            _ = try await unknownClass()
        } catch is RequestFailed {
            // The check about unknown classes reports a missing response.
        }
        return try await coldStart().unprovenSleepFinding
    }

    private func listDuringWake() async throws -> Finding {
        let cold = try await coldStart()
        if let finding = cold.unprovenSleepFinding { return finding }
        if let bad = cold.polls.first(where: { $0.problem != nil }) {
            return .fail("the list request \((bad.at - cold.sent).readable) after the calls: \(bad.problem ?? "")")
        }
        let slowest = cold.polls.map(\.took).max() ?? .zero
        guard slowest < .seconds(5) else {
            return .fail("the list took up to \(slowest.readable) while calls waited")
        }
        return .pass("\(cold.polls.count) list requests, the slowest took \(slowest.readable)")
    }

    private func listFinal() async throws -> Finding {
        let cold = try await coldStart()
        let list = try await session.modelList(as: try await session.credential(for: target))
        let state = list.state(of: target)
        return cold.finding(
            after: state,
            evidence: Evidence(list.exchange, expected: "an entry for \(target) with state ready"))
    }

    // MARK: The wake

    private func unknownClassRefused() async throws -> Finding {
        let seen = try await unknownClass()
        let exchange = seen.exchange
        let status = exchange.status
        let evidence = Evidence(exchange, expected: "\(session.expected(.unknown)) with an error object, within 2 s")
        if session.tokens.hasSingleToken, session.isRefused(exchange, as: .denied) {
            return .skip("the provided token may not use classes")
        }
        guard session.isRefused(exchange, as: .unknown) else {
            let hint = session.statusHint(exchange, for: .unknown)
            return .fail("an unknown class returned \(status)\(hint)", evidence)
        }
        if let problem = exchange.errorObjectProblem { return .fail("\(status), but \(problem)", evidence) }
        guard exchange.duration < .seconds(2) else {
            return .fail("\(status) only after \(exchange.duration.readable)", evidence)
        }
        let response = "\(status) in \(exchange.duration.readable)"
        guard seen.before.isAsleep else { return .pass("\(response); no machine was asleep") }
        guard seen.after == seen.before, seen.packets == 0 else {
            return .fail(
                "\(response), but \(target) went from asleep to \(seen.after.rawValue), \(seen.packets) packets")
        }
        return .pass("\(response), and \(target) stayed asleep")
    }

    private func callsAnswered() async throws -> Finding {
        let cold = try await coldStart()
        if let finding = cold.unusableTargetFinding { return finding }
        if let (problem, evidence) = cold.firstFailure {
            let failed = cold.calls.count { if case .failure = $0.completion { true } else { false } }
            let hint =
                "\(problem)".hasPrefix("Request timed out") && cold.wasAsleep
                ? "; the model list showed \(target) as \(cold.before.rawValue)" : ""
            return .fail("\(failed) of \(cold.calls.count) calls failed: \(problem)\(hint)", evidence)
        }
        let last = cold.done.map { " within \(($0 - cold.sent).readable)" } ?? ""
        return .pass("\(cold.calls.count) of \(cold.calls.count) calls\(last), \(cold.streams.count) of them streaming")
    }

    private func wakeTime() async throws -> Finding {
        let cold = try await coldStart()
        if let finding = cold.unprovenSleepFinding { return finding }
        // One failure is reported once: by the check about responses, if it runs.
        if let finding = cold.noResponseFinding, session.options.selects(FailedWakes.check) { return finding }
        let clock = try await session.clock()
        guard clock.isAccurate(to: options.pollInterval) else { return untimedWake(cold, clock) }
        let load = try await loadTime(cold)
        return wakeTime(of: cold, load: load).showing(
            .wake(cold.timeline(load: load, polledEvery: options.pollInterval)))
    }

    /// The finding without an accurate clock, which can decide whether a machine woke, but not whether it met `--max-wake`.
    private func untimedWake(_ cold: ColdStart, _ clock: ClockAccuracy) -> Finding {
        guard cold.wakeTime != nil, cold.firstToken != nil else {
            return .fail("no machine woke up: no call got a response", cold.firstFailure?.evidence)
        }
        return options.maxWake == nil
            ? .pass("a machine woke; \(clock.summary)") : .inconclusive("a machine woke; \(clock.summary)")
    }

    private func wakeTime(of cold: ColdStart, load: Duration?) -> Finding {
        guard let wake = cold.wakeTime, let firstToken = cold.firstToken else {
            let listed = cold.visible.map { "listed up after \(($0 - cold.sent).readable)" } ?? "no machine woke up"
            return .fail("\(listed): no call got a complete response", cold.firstFailure?.evidence)
        }
        var parts: [String] = []
        if let packet = cold.firstPacket { parts.append("first packet \((packet - cold.sent).readable)") }
        if let visible = cold.visible { parts.append("listed as ready \((visible - cold.sent).readable)") }
        if let head = cold.firstHead { parts.append("first header \((head - cold.sent).readable)") }
        parts.append("first token \((firstToken - cold.sent).readable)")
        if let load { parts.append("load \(load.readable)") }
        let figures =
            "woke in \(wake.readable) (after sending: \(parts.joined(separator: ", ")); ± \(options.pollInterval.readable))"
        if let limit = options.maxWake, wake > limit {
            return .fail("\(figures), exceeding --max-wake \(limit.readable)")
        }
        return .pass(figures)
    }

    /// From the listing as ready to the first token, minus the time that a warm call needs for its first token.
    private func loadTime(_ cold: ColdStart) async throws -> Duration? {
        guard let visible = cold.visible, let token = cold.firstToken, token > visible else { return nil }
        let warm = try await warmCalls().compactMap { result -> Double? in
            guard case .success(let completion) = result.completion, let exchange = result.exchange else { return nil }
            return ((completion.firstToken ?? exchange.done) - exchange.started).inSeconds
        }
        guard let median = Statistics.median(warm) else { return nil }
        return max(.zero, token - visible - .seconds(median))
    }

    private func singleFlight() async throws -> Finding {
        let cold = try await coldStart()
        return cold.unprovenSleepFinding ?? cold.singleFlight
    }

    private func packetSeen() async throws -> Finding {
        guard let port = options.packetPort else { return .skip(needsOption: "--packet-port") }
        let cold = try await coldStart()
        if let finding = cold.unprovenSleepFinding { return finding }
        guard let packet = cold.firstPacket else {
            return .fail("no magic packet arrived on UDP port \(port)")
        }
        if let visible = cold.visible, packet > visible {
            return .fail("the first magic packet came after the machine was up")
        }
        let machines = Set(cold.packets.map(\.machine)).sorted().joined(separator: ", ")
        return .pass("packets for \(machines): \(cold.packets.count), the first after \((packet - cold.sent).readable)")
    }

    private func keepAlive() async throws -> Finding {
        let cold = try await coldStart()
        if let finding = cold.unprovenSleepFinding { return finding }
        let streams = cold.streams
        guard let worst = streams.max(by: { $0.longestSilence < $1.longestSilence }) else {
            return .inconclusive("not decided: no stream got a response", following: FailedWakes.check)
        }
        let silence = worst.longestSilence
        guard silence <= options.silenceTimeout else {
            return .fail(
                "a waiting stream got no bytes for \(silence.readable)",
                Evidence(worst, expected: "bytes or comments at least every \(options.silenceTimeout.readable)"))
        }
        return .pass(
            "longest gap of \(streams.count) streams \(silence.readable), of \(worst.duration.readable) in total")
    }

    // MARK: Responses

    private func answersComplete() async throws -> Finding {
        let cold = try await coldStart()
        if let finding = cold.noResponseFinding { return finding }
        let responses = cold.calls.filter { $0.exchange?.isSuccess == true }
        for response in responses {
            if case .failure(let problem) = response.completion {
                return .fail(
                    "no complete response: \(problem)", response.evidence(expected: "200 and a complete response"))
            }
        }
        let reasons = Set(responses.compactMap { try? $0.completion.get().finishReason }).sorted()
        return .pass("\(responses.count) completions, finish_reason \(reasons.joined(separator: ", "))")
    }

    private func streamsComplete() async throws -> Finding {
        let cold = try await coldStart()
        if let finding = cold.unusableTargetFinding { return finding }
        let streams = cold.calls.suffix(2).filter { $0.exchange?.isSuccess == true }
        guard !streams.isEmpty else {
            return .inconclusive("not decided: no stream got a response", following: FailedWakes.check)
        }
        for call in streams {
            if case .failure(let problem) = call.completion {
                return .fail("\(problem)", call.evidence(expected: "chunks, a finish_reason, then [DONE]"))
            }
        }
        let events = streams.compactMap(\.exchange).map { "\(EventStream($0).events.count)" }
        return .pass("\(streams.count) streams of \(events.joined(separator: " and ")) events, ended with [DONE]")
    }

    private func answersBelong() async throws -> Finding {
        let cold = try await coldStart()
        if let finding = cold.noResponseFinding { return finding }
        let list = try await session.modelList(as: try await session.credential(for: target))
        return try Membership(target: target, session: session, list: list).finding(
            for: cold.calls, answered: FailedWakes.check)
    }

    private func warmAnswered() async throws -> Finding {
        if let finding = try await coldStart().noResponseFinding { return finding }
        let results = try await warmCalls()
        for result in results {
            if case .failure(let problem) = result.completion {
                return .fail("\(problem)", result.evidence(expected: "200 and a complete response"))
            }
            if let exchange = result.exchange, let id = ServingRunner(exchange).wakeID {
                return .fail("a warm call waited for wake \(id)", Evidence(exchange, expected: "no wake"))
            }
        }
        let clock = try await session.clock()
        let phases = CallPhases(results.compactMap(\.exchange)).description
        return .pass("\(results.count) calls, \(clock.isTrusted ? "medians: \(phases)" : clock.summary)")
    }

    private func grade() async throws -> Finding {
        guard options.grades else { return .skip(needsOption: "--timing") }
        let cold = try await coldStart()
        if let finding = cold.unprovenSleepFinding { return finding }
        guard let wake = cold.wakeTime else {
            return .inconclusive("not decided: no machine woke up", following: FailedWakes.check)
        }
        try await session.clock().requireAccuracy(options.pollInterval)
        return Self.grade(wake)
    }

    static func grade(_ wake: Duration) -> Finding {
        switch wake.inSeconds {
        case ..<30: .pass("fast: \(wake.readable), less than 30 s")
        case ...60: .pass("moderate: \(wake.readable), between 30 and 60 s")
        default: .fail("slow: \(wake.readable), more than 60 s")
        }
    }
}
