import RunnerProtocol
import Scheduling
import SimpleAICore
import Synchronization

/// The gateway's metrics, and their Prometheus text exposition (version 0.0.4). Labels are closed sets or come from
/// settings, so that clients cannot increase the number of series.
final class Metrics: Sendable {
    struct CallLabels: Hashable {
        /// The requested class; "exact" for model ids.
        let requested: String
        /// The error's code, "ok", or "client_gone".
        let code: String
    }

    private struct Counts {
        var openCalls = 0
        var calls: [CallLabels: Int] = [:]
        var classes: [String: ClassCounts] = [:]
        var tokens = TokenUsage(prompt: 0, completion: 0)
        var broken = CallFigures.BrokenStream(generated: 0, delivered: 0)
        var events = 0
        var packets = 0
        var ejections = 0
        var wakes: [Bool: Int] = [:]
        var sleeps = 0
        var agentsConnected = 0
        var registrations = 0
        var protocolErrors: [ProtocolErrorCode: Int] = [:]
        var refusedTokens: [Bool: Int] = [:]
        var refusedShares: [SharedBound: Int] = [:]
        var evictedConnections = 0
    }

    private struct ClassCounts {
        var callSeconds = Histogram(bounds: Histogram.seconds)
        var firstByteSeconds = Histogram(bounds: Histogram.seconds)
        var firstTokenSeconds = Histogram(bounds: Histogram.seconds)
        var tokensPerSecond = Histogram(bounds: Histogram.tokensPerSecond)

        mutating func add(_ figures: CallFigures) {
            callSeconds.observe(figures.total)
            if let seconds = figures.toFirstByte { firstByteSeconds.observe(seconds) }
            if let seconds = figures.toFirstToken { firstTokenSeconds.observe(seconds) }
            if let speed = figures.tokensPerSecond { tokensPerSecond.observe(speed) }
        }
    }

    private let counts = Mutex(Counts())

    func callBegan() {
        counts.withLock { $0.openCalls += 1 }
    }

    func callEnded(_ labels: CallLabels, _ figures: CallFigures) {
        counts.withLock { counts in
            counts.openCalls -= 1
            counts.calls[labels, default: 0] += 1
            counts.classes[labels.requested, default: .init()].add(figures)
            counts.events += figures.events
            if let usage = figures.usage {
                Self.add(usage.prompt, to: &counts.tokens.prompt)
                Self.add(usage.completion, to: &counts.tokens.completion)
                Self.add(usage.cached, to: &counts.tokens.cached)
                Self.add(usage.reasoning, to: &counts.tokens.reasoning)
            }
            if let broken = figures.broken {
                Self.add(broken.generated, to: &counts.broken.generated)
                Self.add(broken.delivered, to: &counts.broken.delivered)
            }
        }
    }

    /// Saturating addition: engines state these numbers, and no value may crash the gateway.
    private static func add(_ more: Int, to total: inout Int) {
        let (sum, overflows) = total.addingReportingOverflow(more)
        total = overflows ? .max : sum
    }

    /// - Parameter isThrottled: whether the client got only a 429.
    func tokenWasRefused(isThrottled: Bool) {
        counts.withLock { $0.refusedTokens[isThrottled, default: 0] += 1 }
    }

    /// Counts a request for a shared resource that was refused.
    func shareWasRefused(_ bound: SharedBound) {
        counts.withLock { $0.refusedShares[bound, default: 0] += 1 }
    }

    func connectionsWereEvicted(_ count: Int) {
        counts.withLock { $0.evictedConnections += count }
    }

    func packetWasSent() {
        counts.withLock { $0.packets += 1 }
    }

    func runnerWasEjected() {
        counts.withLock { $0.ejections += 1 }
    }

    func machineWasPutToSleep() {
        counts.withLock { $0.sleeps += 1 }
    }

    func wakeEnded(succeeded: Bool) {
        counts.withLock { $0.wakes[succeeded, default: 0] += 1 }
    }

    func agentJoined(connected: Int) {
        counts.withLock { counts in
            counts.agentsConnected = connected
            counts.registrations += 1
        }
    }

    func agentLeft(connected: Int) {
        counts.withLock { $0.agentsConnected = connected }
    }

    func agentBrokeTheProtocol(_ code: ProtocolErrorCode) {
        counts.withLock { $0.protocolErrors[code, default: 0] += 1 }
    }

    // MARK: Exposition

    func text(
        _ fleet: SchedulerSnapshot, bufferedBytes: Int, connections: Int = 0, issuers: [IssuerGauge]
    ) -> String {
        let counts = counts.withLock { $0 }
        var page = ExpositionPage()
        page.metric("simpleai_calls_total", .counter, "Inference calls that ended, by what was asked for and outcome.")
        {
            for (labels, count) in counts.calls.sorted(by: {
                ($0.key.requested, $0.key.code) < ($1.key.requested, $1.key.code)
            }) {
                $0.sample(["class": labels.requested, "code": labels.code], count)
            }
        }
        page.metric("simpleai_calls_open", .gauge, "Inference calls under way.") { $0.sample([:], counts.openCalls) }
        page.metric("simpleai_leases", .gauge, "Slots of runners that calls hold.") { $0.sample([:], fleet.leases) }
        page.metric("simpleai_lease_double_returns_total", .counter, "Leases that were returned twice; always 0.") {
            $0.sample([:], fleet.doubleReturns)
        }
        page.metric("simpleai_calls_waiting", .gauge, "Calls that wait for a slot or a machine.") {
            $0.sample([:], fleet.waiting)
        }
        page.histograms(
            "simpleai_call_seconds", "From a call's head to its end.", counts.classes.mapValues(\.callSeconds))
        page.histograms(
            "simpleai_time_to_first_byte_seconds", "From a call's head to the first byte of an engine's answer.",
            counts.classes.mapValues(\.firstByteSeconds))
        page.histograms(
            "simpleai_time_to_first_token_seconds", "From a streamed call's head to the first piece of its answer.",
            counts.classes.mapValues(\.firstTokenSeconds))
        page.histograms(
            "simpleai_tokens_per_second", "How fast answers were made.", counts.classes.mapValues(\.tokensPerSecond))
        page.metric("simpleai_tokens_total", .counter, "Tokens, as engines counted them.") {
            $0.sample(["kind": "prompt"], counts.tokens.prompt)
            $0.sample(["kind": "completion"], counts.tokens.completion)
        }
        page.metric(
            "simpleai_cached_prompt_tokens_total", .counter, "Those of the prompt tokens that engines had read before."
        ) { $0.sample([:], counts.tokens.cached) }
        page.metric(
            "simpleai_reasoning_tokens_total", .counter, "Those of the completion tokens that were thoughts."
        ) { $0.sample([:], counts.tokens.reasoning) }
        page.metric(
            "simpleai_broken_stream_tokens_total", .counter, "Tokens of streams that ended before they were complete."
        ) {
            $0.sample(["kind": "generated"], counts.broken.generated)
            $0.sample(["kind": "delivered"], counts.broken.delivered)
        }
        page.metric("simpleai_events_relayed_total", .counter, "Events of streams.") { $0.sample([:], counts.events) }
        page.metric("simpleai_runners", .gauge, "Runners by state.") {
            for state in RunnerState.allCases {
                $0.sample(["state": state.rawValue], fleet.runners.count { $0.state == state })
            }
        }
        page.metric("simpleai_runner_active_calls", .gauge, "Calls that a runner is serving.") {
            for status in fleet.runners { $0.sample(["runner": status.runner.id.rawValue], status.active) }
        }
        page.metric("simpleai_runners_ejected", .gauge, "Runners that failed so often that they rest, or are on trial.")
        {
            $0.sample([:], fleet.runners.count(where: \.isEjected))
        }
        page.metric("simpleai_ejections_total", .counter, "How often a runner was given a rest.") {
            $0.sample([:], counts.ejections)
        }
        page.metric("simpleai_wakes_total", .counter, "Wakes of machines, by outcome.") {
            $0.sample(["outcome": "awake"], counts.wakes[true] ?? 0)
            $0.sample(["outcome": "failed"], counts.wakes[false] ?? 0)
        }
        page.metric("simpleai_sleeps_total", .counter, "Machines put to sleep.") { $0.sample([:], counts.sleeps) }
        page.metric("simpleai_agents_connected", .gauge, "Runner agents that have registered and are connected.") {
            $0.sample([:], counts.agentsConnected)
        }
        page.metric(
            "simpleai_agent_registrations_total", .counter, "Registrations of runner agents, repeated ones too."
        ) {
            $0.sample([:], counts.registrations)
        }
        page.metric("simpleai_agent_protocol_errors_total", .counter, "Breaches of the runner protocol, by code.") {
            for code in ProtocolErrorCode.all { $0.sample(["code": code.rawValue], counts.protocolErrors[code] ?? 0) }
        }
        page.metric("simpleai_magic_packets_total", .counter, "Magic packets sent.") { $0.sample([:], counts.packets) }
        page.metric("simpleai_buffered_bytes", .gauge, "Request bodies and collected answers held in memory.") {
            $0.sample([:], bufferedBytes)
        }
        page.metric("simpleai_connections_open", .gauge, "Client connections, those of runner agents included.") {
            $0.sample([:], connections)
        }
        page.metric(
            "simpleai_connections_evicted_total", .counter, "Idle client connections closed to make room for others."
        ) { $0.sample([:], counts.evictedConnections) }
        page.metric(
            "simpleai_share_refusals_total", .counter, "Requests for more of a shared bound than there was, by bound."
        ) {
            for bound in SharedBound.allCases { $0.sample(["bound": bound.rawValue], counts.refusedShares[bound] ?? 0) }
        }
        page.metric("simpleai_refused_tokens_total", .counter, "Tokens that were not good, by the answer.") {
            $0.sample(["answer": "refused"], counts.refusedTokens[false] ?? 0)
            $0.sample(["answer": "throttled"], counts.refusedTokens[true] ?? 0)
        }
        let byIssuer = IssuerGauge.united(issuers)
        page.metric("simpleai_issuer_keys", .gauge, "Usable keys per token issuer.") {
            for issuer in byIssuer { $0.sample(["issuer": issuer.issuer], issuer.keys) }
        }
        page.metric(
            "simpleai_issuer_keys_age_seconds", .gauge,
            "Since an issuer's keys were last fetched; absent until they were."
        ) {
            for issuer in byIssuer {
                if let age = issuer.age { $0.sample(["issuer": issuer.issuer], Int(age.components.seconds)) }
            }
        }
        page.metric("simpleai_issuer_key_failures_total", .counter, "Fetches of an issuer's keys that failed.") {
            for issuer in byIssuer { $0.sample(["issuer": issuer.issuer], issuer.failures) }
        }
        return page.text
    }

    /// Number of an issuer's keys in service, and the state of their refresh.
    struct IssuerGauge: Hashable, Sendable {
        let issuer: String
        var keys: Int
        /// Time since the last successful fetch; nil before the first.
        var age: Duration?
        var failures: Int

        /// Merges gauges to one per issuer, because a series may occur only once on the page: an issuer whose keys come
        /// from several places gets the sum of their keys and failures, and the age of the oldest.
        static func united(_ gauges: [IssuerGauge]) -> [IssuerGauge] {
            var united: [IssuerGauge] = []
            for gauge in gauges {
                guard let position = united.firstIndex(where: { $0.issuer == gauge.issuer }) else {
                    united.append(gauge)
                    continue
                }
                united[position].keys += gauge.keys
                united[position].failures += gauge.failures
                united[position].age = [united[position].age, gauge.age].compactMap(\.self).max()
            }
            return united
        }
    }
}
