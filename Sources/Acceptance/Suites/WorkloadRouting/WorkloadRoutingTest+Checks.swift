extension WorkloadRoutingTest {
    static let checks: [Check<WorkloadRoutingTest>] = [
        Check("workload-routing.answered", "Every call under load gets a complete response.") {
            try await $0.answered()
        },
        Check("workload-routing.member", "Under load, the class is served by its members.") {
            try await $0.members()
        },
        Check(
            "workload-routing.spread", "With several ready runners, concurrent calls go to more than one.",
            needs: "a header that names the runner; at least two runners and --workers 4"
        ) { try await $0.spread() },
        Check(
            "workload-routing.coverage", "Every ready runner serves some of the calls.",
            needs: "enough requests for the number of runners"
        ) { try await $0.coverage() },
        Check(
            "workload-routing.load", "No call bypasses an idle runner, or all runners get equal shares.",
            needs: "enough requests for the number of runners"
        ) { try await $0.balanced() },
        Check(
            "workload-routing.shares",
            "Each runner's share is consistent with an equal one (simultaneous 95 % intervals), or explained by load.",
            needs: "enough requests for the number of runners"
        ) { try await $0.shares() },
        Check(
            "workload-routing.sequential.order", "Sequential calls go to the runners in round-robin order.",
            needs: "--sequential"
        ) { try await $0.sequentialOrder() },
        Check(
            "workload-routing.sequential.answered", "Every sequential call gets a complete response.",
            needs: "--sequential"
        ) { try await $0.sequentialAnswered() },
        Check(
            "workload-routing.timing.response", "Response times per runner are reported.", level: .advisory,
            needs: "--analyze-timing"
        ) { try await $0.responseTimes() },
        Check(
            "workload-routing.timing.phases", "The phases of a streamed call are reported.", level: .advisory,
            needs: "--analyze-timing"
        ) { try await $0.phases() },
        Check(
            "workload-routing.timing.queueing", "Calls under load do not queue while runners have free slots.",
            level: .advisory, needs: "--analyze-timing"
        ) { try await $0.timing().queueing },
        Check(
            "workload-routing.timing.parallel",
            "Concurrent calls reach a higher throughput than sequential ones: runners work in parallel.",
            level: .advisory, needs: "--analyze-timing"
        ) { try await $0.timing().parallelism },
    ]

    /// The check that reports calls without a response.
    private static let answeredCheck = "workload-routing.answered"

    // MARK: Required with any number of calls

    private func answered() async throws -> Finding {
        try verdict(on: try await load(), concurrency: ", at most \(options.workers) at a time")
    }

    private func sequentialAnswered() async throws -> Finding {
        guard options.sequential else { return .skip(needsOption: "--sequential") }
        return try verdict(on: try await sequential(), concurrency: ", one at a time")
    }

    private func verdict(on load: Workload, concurrency: String) throws -> Finding {
        var failures: [(ResponseProblem, Evidence)] = []
        for call in load.calls {
            if case .failure(let problem) = call.completion {
                failures.append((problem, call.evidence(expected: "200 and a complete response")))
            }
        }
        if let (problem, evidence) = failures.first {
            return .fail("\(failures.count) of \(load.calls.count) calls failed: \(problem)", evidence)
        }
        let rate = "\(load.throughput.fixed(1)) per second"
        return .pass("\(load.calls.count) of \(load.calls.count) calls\(concurrency), \(rate)")
    }

    private func members() async throws -> Finding {
        let load = try await load()
        return try Membership(target: target, session: session, list: try await list()).finding(
            for: load.calls, answered: Self.answeredCheck)
    }

    private func spread() async throws -> Finding {
        let (load, runners) = try await distribution()
        guard options.workers >= 4, load.calls.count >= 4 else {
            return .skip("needs at least --workers 4 and --requests 4")
        }
        guard load.counts.count > 1 else {
            return .fail(
                "all \(load.dispatches.count) calls went to \(load.countsInWords), "
                    + "\(runners.count) were ready (from \(runners.origin))",
                load.calls.first?.evidence(expected: "several runners in the response headers"))
        }
        return .pass("\(load.countsInWords) (\(runners.count) runners ready, from \(runners.origin))")
    }

    /// The load and the number of runners.
    ///
    /// - Throws: a finding if there is no distribution to judge.
    private func distribution() async throws -> (Workload, RunnerCount) {
        let load = try await load()
        guard load.calls.contains(where: { $0.exchange?.isSuccess == true }) else {
            throw Finding.inconclusive("not decided: no call got a response", following: Self.answeredCheck)
        }
        if options.runners == 1, load.counts.count < 2 { throw Finding.skip("only 1 runner is ready (--runners)") }
        guard !load.dispatches.isEmpty else {
            throw Finding.inconclusive("no response header names the runner; set --runner-header NAME")
        }
        let runners = try await runnerCount()
        // A fleet may grow under load; but a different name for every call does not identify runners.
        if runners.isStated, load.counts.count > 2 * runners.count {
            throw Finding.inconclusive(
                "\(load.counts.count) names for \(runners.count) runners (\(runners.origin)): the header does not name "
                    + "the runner; set --runner-header NAME or --runners N")
        }
        if runners.count < 2, runners.isStated, load.counts.count < 2 {
            throw Finding.skip("only \(runners.count) runner is ready (\(runners.origin))")
        }
        if runners.count < 2 {
            throw Finding.inconclusive("one runner was seen, and the total is unknown; set --runners N")
        }
        return (
            load,
            RunnerCount(
                count: max(runners.count, load.counts.count), isStated: runners.isStated, origin: runners.origin)
        )
    }

    // MARK: Required with enough calls

    /// The finding if the number of calls suffices for it, otherwise an advisory one that states the required number.
    private func qualified(_ finding: Finding, load: Workload, runners: Int) -> Finding {
        let needed = Coverage.requestsNeeded(runners: runners)
        guard load.dispatches.count < needed else { return finding }
        var advisoryFinding = finding.advisory()
        if advisoryFinding.verdict == .fail { advisoryFinding.verdict = .inconclusive }
        advisoryFinding.summary += "; --requests \(needed) would decide"
        return advisoryFinding
    }

    private func coverage() async throws -> Finding {
        let (load, runners) = try await distribution()
        let seen = load.counts.count
        let calls = load.dispatches.count
        let finding: Finding =
            seen >= runners.count
            ? .pass("\(seen) of \(runners.count) runners served")
            : options.workers < runners.count
                ? .inconclusive(
                    "\(seen) of \(runners.count) runners served, but at most \(options.workers) calls ran at a time")
                : .fail("\(seen) of \(runners.count) runners served in \(calls) calls: \(load.countsInWords)")
        return qualified(finding, load: load, runners: runners.count)
    }

    private func balanced() async throws -> Finding {
        let (load, runners) = try await distribution()
        let judgement = LoadJudgement(load.dispatches, runners: runners.count, slots: options.slots)
        let test = judgement.shares.method == .exact ? "exact multinomial test" : "chi-square test"
        let shares = "\(load.countsInWords); p = \(judgement.shares.pValue.scientific) for equal shares, \(test)"
        let conservation = judgement.conservation
        let passed = options.slots == nil ? "past an idle runner" : "to one with two calls per slot more than another"
        let byLoad = "\(conservation.misplaced) of \(conservation.decidable) decidable dispatches went \(passed)"
        let finding: Finding =
            switch judgement.verdict {
            case .equalShares: .pass("equal shares: \(shares)")
            case .workConserving: .pass("by load: \(byLoad); \(shares)")
            case .unbalanced: .fail("explained neither by load nor by equal shares: \(byLoad); \(shares)")
            case .undecidable:
                .inconclusive("uneven (\(shares)), and all calls began at once; use more --requests than --workers")
            }
        return qualified(finding, load: load, runners: runners.count)
    }

    private func shares() async throws -> Finding {
        let (load, runners) = try await distribution()
        let measured = RunnerShares(load.counts, ready: runners.count)
        let outside = measured.runners.filter { !$0.interval.contains(measured.equalShare) }.map(\.name)
        let parts = measured.runners.map { "\($0.name) \($0.shareInWords) (\($0.intervalInWords))" }
        let figures = parts.joined(separator: ", ")
        let equal = RunnerShares.percent(measured.equalShare)
        let judgement = LoadJudgement(load.dispatches, runners: runners.count, slots: options.slots)
        let names = outside.joined(separator: ", ")
        // A correct deployment is outside a 95 % interval once in 20 runs: the report shows it, but no check fails.
        let finding: Finding =
            switch (outside.isEmpty, judgement.verdict) {
            case (true, _): .pass("\(figures); an equal share is \(equal)")
            case (_, .equalShares):
                .pass("\(figures); \(names) differ from \(equal) by chance: p = \(judgement.shares.pValue.scientific)")
            case (_, .workConserving):
                .pass("\(figures); not equal (\(equal)), but explained by load: faster runners serve more")
            case (_, .unbalanced): .fail("\(figures); \(names) are inconsistent with \(equal)")
            case (_, .undecidable): .inconclusive("\(figures); not equal (\(equal)), and all calls began at once")
            }
        return qualified(finding, load: load, runners: runners.count)
            .showing(.shares(measured))
    }

    // MARK: Sequential

    private func sequentialOrder() async throws -> Finding {
        guard options.sequential else { return .skip(needsOption: "--sequential") }
        let load = try await sequential()
        guard !load.dispatches.isEmpty else {
            return .inconclusive("no response header names the runner; set --runner-header NAME")
        }
        let stated = try await runnerCount()
        let runners = max(stated.count, load.counts.count)
        if stated.isStated, runners < 2 { return .skip("only one runner is ready (\(stated.origin))") }
        let order = load.dispatches.map(\.runner)
        let roundRobin = RoundRobinJudgement(order, runners: runners)
        let demanded = options.policy == .roundRobin
        if roundRobin.isRoundRobin, order.count >= runners {
            let probability = "by chance: p = \(roundRobin.probabilityByChance.scientific)"
            return .pass("\(order.count) calls to \(runners) runners in round-robin order; \(probability)")
        }
        if roundRobin.isOneRunner {
            let all = "all \(order.count) sequential calls went to \(order[0])"
            return demanded
                ? .fail(all) : .inconclusive("\(all): valid for least-busy; with --policy round-robin this fails")
        }
        let start = order.prefix(3 * runners).joined(separator: " ")
        let broken = "call \(roundRobin.firstBreak ?? order.count) breaks the order: \(start)"
        return demanded
            ? .fail("\(broken) (calls of other clients can cause this)")
            : .inconclusive("\(broken): valid for other policies; with --policy round-robin this fails")
    }

    // MARK: Timing

    private func needsTiming() async throws {
        guard options.analyzesTiming else { throw Finding.skip(needsOption: "--analyze-timing") }
        try await session.clock().requireAccuracy()
    }

    private func phases() async throws -> Finding {
        try await needsTiming()
        let caller = try await session.credential(for: target)
        var streams: [Exchange] = []
        for number in 1...5 {
            session.progress("streamed call \(number) of 5")
            let exchange = try await session.chat(target, as: caller, stream: true)
            do throws(ResponseProblem) {
                _ = try Completion(exchange)
            } catch {
                return .fail("\(error)", Evidence(exchange, expected: "chunks, a finish_reason, then [DONE]"))
            }
            streams.append(exchange)
        }
        return .pass("medians of \(streams.count) calls alone: \(CallPhases(streams).description)")
    }

    private func responseTimes() async throws -> Finding {
        try await needsTiming()
        let load = try await load()
        guard !load.dispatches.isEmpty else { return .inconclusive("no response header names the runner") }
        let byRunner = Dictionary(grouping: load.dispatches, by: \.runner).sorted { $0.key < $1.key }
        let parts = byRunner.map { runner, dispatches -> String in
            let times = dispatches.map { ($0.end - $0.start).inSeconds }
            var figures = ["median \(Duration.seconds(Statistics.median(times) ?? 0).readable)"]
            for (name, share) in [("p90", 0.9), ("p95", 0.95), ("p99", 0.99)]
            where times.count >= Statistics.valuesNeeded(forPercentile: share) {
                figures.append("\(name) \(Duration.seconds(Statistics.percentile(share, of: times) ?? 0).readable)")
            }
            return "\(runner) (\(times.count)): \(figures.joined(separator: ", "))"
        }
        return .pass(parts.joined(separator: "; "))
    }

    private func timing() async throws -> TimingJudgement {
        try await needsTiming()
        func durations(_ load: Workload) -> [Double] { load.calls.compactMap { $0.exchange?.duration.inSeconds } }
        let load = try await load()
        return TimingJudgement(
            underLoad: durations(load), sequential: durations(try await sequential()), throughput: load.throughput,
            workers: options.workers, runners: try await runnerCount().count)
    }
}
