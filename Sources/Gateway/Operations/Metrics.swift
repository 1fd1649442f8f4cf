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
        var broken = CallMeasurements.BrokenStream(generated: 0, delivered: 0)
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

        mutating func add(_ measurements: CallMeasurements) {
            callSeconds.observe(measurements.total)
            if let seconds = measurements.toFirstByte { firstByteSeconds.observe(seconds) }
            if let seconds = measurements.toFirstToken { firstTokenSeconds.observe(seconds) }
            if let speed = measurements.tokensPerSecond { tokensPerSecond.observe(speed) }
        }
    }

    private let counts = Mutex(Counts())
    /// The program's version.
    private let version: String

    init(version: String = "unknown") {
        self.version = version
    }

    func callBegan() {
        counts.withLock { $0.openCalls += 1 }
    }

    func callEnded(_ labels: CallLabels, _ measurements: CallMeasurements) {
        counts.withLock { counts in
            counts.openCalls -= 1
            counts.calls[labels, default: 0] += 1
            counts.classes[labels.requested, default: .init()].add(measurements)
            counts.events += measurements.events
            if let usage = measurements.usage {
                Self.add(usage.prompt, to: &counts.tokens.prompt)
                Self.add(usage.completion, to: &counts.tokens.completion)
                Self.add(usage.cached, to: &counts.tokens.cached)
                Self.add(usage.reasoning, to: &counts.tokens.reasoning)
            }
            if let broken = measurements.broken {
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

    /// - Parameter isThrottled: whether the client received 429 instead of 401.
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

    func sleepStarted() {
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

    func agentViolatedProtocol(_ code: ProtocolErrorCode) {
        counts.withLock { $0.protocolErrors[code, default: 0] += 1 }
    }

    // MARK: Exposition

    func text(
        _ fleet: SchedulerSnapshot, bufferedBytes: Int, connections: Int = 0, issuers: [IssuerGauge]
    ) -> String {
        let counts = counts.withLock { $0 }
        var page = ExpositionPage()
        page.metric("simpleai_build_info", .gauge, "A metric with a constant value of 1, labeled by version.") {
            $0.sample(["version": version], 1)
        }
        page.metric("simpleai_calls_total", .counter, "Total number of inference calls, by class and result code.") {
            for (labels, count) in counts.calls.sorted(by: {
                ($0.key.requested, $0.key.code) < ($1.key.requested, $1.key.code)
            }) {
                $0.sample(["class": labels.requested, "code": labels.code], count)
            }
        }
        page.metric("simpleai_calls_open", .gauge, "Number of inference calls in flight.") {
            $0.sample([:], counts.openCalls)
        }
        page.metric("simpleai_leases", .gauge, "Number of runner slots leased to calls.") {
            $0.sample([:], fleet.leases)
        }
        page.metric(
            "simpleai_lease_double_returns_total", .counter,
            "Total number of leases returned twice; any value above 0 is a bug."
        ) {
            $0.sample([:], fleet.doubleReturns)
        }
        page.metric("simpleai_calls_waiting", .gauge, "Number of calls waiting for a slot or a machine.") {
            $0.sample([:], fleet.waiting)
        }
        page.histograms(
            "simpleai_call_duration_seconds", "Call duration, from request head to end of response.",
            counts.classes.mapValues(\.callSeconds))
        page.histograms(
            "simpleai_time_to_first_byte_seconds", "Time from request head to first response byte of the engine.",
            counts.classes.mapValues(\.firstByteSeconds))
        page.histograms(
            "simpleai_time_to_first_token_seconds", "Time from request head to first generated token, streams only.",
            counts.classes.mapValues(\.firstTokenSeconds))
        page.histograms(
            "simpleai_tokens_per_second", "Token generation rate of a call.",
            counts.classes.mapValues(\.tokensPerSecond))
        page.metric("simpleai_tokens_total", .counter, "Total number of tokens reported by engines, by kind.") {
            $0.sample(["kind": "prompt"], counts.tokens.prompt)
            $0.sample(["kind": "completion"], counts.tokens.completion)
        }
        page.metric(
            "simpleai_cached_prompt_tokens_total", .counter, "Total number of prompt tokens read from engine caches."
        ) { $0.sample([:], counts.tokens.cached) }
        page.metric(
            "simpleai_reasoning_tokens_total", .counter, "Total number of reasoning tokens."
        ) { $0.sample([:], counts.tokens.reasoning) }
        page.metric(
            "simpleai_interrupted_stream_tokens_total", .counter,
            "Total number of tokens of interrupted streams, by kind."
        ) {
            $0.sample(["kind": "generated"], counts.broken.generated)
            $0.sample(["kind": "delivered"], counts.broken.delivered)
        }
        page.metric("simpleai_events_relayed_total", .counter, "Total number of relayed stream events.") {
            $0.sample([:], counts.events)
        }
        page.metric("simpleai_runners", .gauge, "Number of runners, by state.") {
            for state in RunnerState.allCases {
                $0.sample(["state": state.rawValue], fleet.runners.count { $0.state == state })
            }
        }
        page.metric("simpleai_runner_active_calls", .gauge, "Number of calls in progress, by runner.") {
            for status in fleet.runners { $0.sample(["runner": status.runner.id.rawValue], status.active) }
        }
        page.metric("simpleai_runners_ejected", .gauge, "Number of runners ejected or on probation.") {
            $0.sample([:], fleet.runners.count(where: \.isEjected))
        }
        page.metric("simpleai_ejections_total", .counter, "Total number of runner ejections.") {
            $0.sample([:], counts.ejections)
        }
        page.metric("simpleai_wakes_total", .counter, "Total number of machine wakes, by outcome.") {
            $0.sample(["outcome": "awake"], counts.wakes[true] ?? 0)
            $0.sample(["outcome": "failed"], counts.wakes[false] ?? 0)
        }
        page.metric("simpleai_sleeps_total", .counter, "Total number of machines put to sleep.") {
            $0.sample([:], counts.sleeps)
        }
        page.metric("simpleai_agents_connected", .gauge, "Number of registered and connected runner agents.") {
            $0.sample([:], counts.agentsConnected)
        }
        page.metric(
            "simpleai_agent_registrations_total", .counter, "Total number of runner agent registrations."
        ) {
            $0.sample([:], counts.registrations)
        }
        page.metric(
            "simpleai_agent_protocol_errors_total", .counter, "Total number of runner protocol errors, by code."
        ) {
            for code in ProtocolErrorCode.all { $0.sample(["code": code.rawValue], counts.protocolErrors[code] ?? 0) }
        }
        page.metric("simpleai_magic_packets_total", .counter, "Total number of magic packets sent.") {
            $0.sample([:], counts.packets)
        }
        page.metric("simpleai_buffered_bytes", .gauge, "Size of request and response bodies held in memory, in bytes.")
        {
            $0.sample([:], bufferedBytes)
        }
        page.metric("simpleai_connections_open", .gauge, "Number of open client connections, including runner agents.")
        {
            $0.sample([:], connections)
        }
        page.metric(
            "simpleai_connections_evicted_total", .counter, "Total number of idle client connections evicted."
        ) { $0.sample([:], counts.evictedConnections) }
        page.metric(
            "simpleai_limit_rejections_total", .counter,
            "Total number of requests rejected at a shared limit, by limit."
        ) {
            for bound in SharedBound.allCases { $0.sample(["limit": bound.rawValue], counts.refusedShares[bound] ?? 0) }
        }
        page.metric(
            "simpleai_authentication_failures_total", .counter, "Total number of authentication failures, by result."
        ) {
            $0.sample(["result": "refused"], counts.refusedTokens[false] ?? 0)
            $0.sample(["result": "throttled"], counts.refusedTokens[true] ?? 0)
        }
        let byIssuer = IssuerGauge.merged(issuers)
        page.metric("simpleai_issuer_keys", .gauge, "Number of usable signing keys, by token issuer.") {
            for issuer in byIssuer { $0.sample(["issuer": issuer.issuer], issuer.keys) }
        }
        page.metric(
            "simpleai_issuer_keys_age_seconds", .gauge,
            "Time since the last successful key fetch, by token issuer."
        ) {
            for issuer in byIssuer {
                if let age = issuer.age { $0.sample(["issuer": issuer.issuer], Int(age.components.seconds)) }
            }
        }
        page.metric(
            "simpleai_issuer_key_fetch_failures_total", .counter, "Total number of failed key fetches, by token issuer."
        ) {
            for issuer in byIssuer { $0.sample(["issuer": issuer.issuer], issuer.failures) }
        }
        return page.text
    }

    /// The number of an issuer's usable keys, and the state of their refresh.
    struct IssuerGauge: Hashable, Sendable {
        let issuer: String
        var keys: Int
        /// Time since the last successful fetch; nil before the first.
        var age: Duration?
        var failures: Int

        /// Merges gauges to one per issuer, because a series may occur only once on the page: an issuer whose keys come
        /// from several places gets the sum of their keys and failures, and the age of the oldest.
        static func merged(_ gauges: [IssuerGauge]) -> [IssuerGauge] {
            var merged: [IssuerGauge] = []
            for gauge in gauges {
                guard let position = merged.firstIndex(where: { $0.issuer == gauge.issuer }) else {
                    merged.append(gauge)
                    continue
                }
                merged[position].keys += gauge.keys
                merged[position].failures += gauge.failures
                merged[position].age = [merged[position].age, gauge.age].compactMap(\.self).max()
            }
            return merged
        }
    }
}
