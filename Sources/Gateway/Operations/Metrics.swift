import RunnerProtocol
import Scheduling
import SimpleAICore
import Synchronization

/// What the gateway counts, and its text in Prometheus' exposition format (version 0.0.4). Labels are closed sets or
/// come from settings, so that nobody outside can make the series grow.
final class Metrics: Sendable {
    struct CallLabels: Hashable {
        /// The class that was asked for; "exact" for ids.
        let requested: String
        /// The error's code, "ok", or "client_gone".
        let code: String
    }

    private struct Counts {
        var openCalls = 0
        var calls: [CallLabels: Int] = [:]
        var callSeconds: [String: Histogram] = [:]
        var firstByteSeconds: [String: Histogram] = [:]
        var promptTokens = 0
        var completionTokens = 0
        var events = 0
        var packets = 0
        var ejections = 0
        var wakes: [Bool: Int] = [:]
        var agentsConnected = 0
        var registrations = 0
        var protocolErrors: [ProtocolErrorCode: Int] = [:]
    }

    private let counts = Mutex(Counts())

    func callBegan() {
        counts.withLock { $0.openCalls += 1 }
    }

    func callEnded(
        _ labels: CallLabels, seconds: Double, firstByteSeconds: Double?, usage: TokenUsage?, events: Int
    ) {
        counts.withLock { counts in
            counts.openCalls -= 1
            counts.calls[labels, default: 0] += 1
            counts.callSeconds[labels.requested, default: .init()].observe(seconds)
            if let firstByteSeconds {
                counts.firstByteSeconds[labels.requested, default: .init()].observe(firstByteSeconds)
            }
            counts.promptTokens = Self.sum(counts.promptTokens, usage?.prompt ?? 0)
            counts.completionTokens = Self.sum(counts.completionTokens, usage?.completion ?? 0)
            counts.events += events
        }
    }

    /// Engines state these numbers: however large, they must not stop the gateway.
    private static func sum(_ total: Int, _ more: Int) -> Int {
        let (sum, overflows) = total.addingReportingOverflow(more)
        return overflows ? .max : sum
    }

    func packetWasSent() {
        counts.withLock { $0.packets += 1 }
    }

    func runnerWasEjected() {
        counts.withLock { $0.ejections += 1 }
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

    func text(_ fleet: SchedulerSnapshot, bufferedBytes: Int, issuers: [IssuerGauge]) -> String {
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
        page.histograms("simpleai_call_seconds", "From a call's head to its end.", counts.callSeconds)
        page.histograms(
            "simpleai_time_to_first_byte_seconds", "From a call's head to the first byte of an engine's answer.",
            counts.firstByteSeconds)
        page.metric("simpleai_tokens_total", .counter, "Tokens, as engines counted them.") {
            $0.sample(["kind": "prompt"], counts.promptTokens)
            $0.sample(["kind": "completion"], counts.completionTokens)
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
        page.metric("simpleai_buffered_bytes", .gauge, "Request bodies held in memory.") {
            $0.sample([:], bufferedBytes)
        }
        page.metric("simpleai_issuer_keys", .gauge, "Usable keys per token issuer.") {
            for issuer in issuers { $0.sample(["issuer": issuer.issuer], issuer.keys) }
        }
        return page.text
    }

    /// How many keys of an issuer are in service.
    struct IssuerGauge: Hashable, Sendable {
        let issuer: String
        let keys: Int
    }
}
