import Relay
import SimpleAICore
import Testing

@testable import Authentication
@testable import DataPlane
@testable import FleetControl
@testable import Scheduling

/// The page of `GET /metrics`, parsed as Prometheus parses it.
@Suite struct MetricsTests {
    private func page(_ sources: any MetricSource...) throws -> Page {
        var page = ExpositionPage()
        for source in sources { source.write(to: &page) }
        return try Page(page.text)
    }

    private struct Page {
        var types: [String: String] = [:]
        /// Samples by name and labels.
        var samples: [String: Double] = [:]

        init(_ text: String) throws {
            var helped: Set<String> = []
            var family = ""
            #expect(text.hasSuffix("\n"))
            for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
                let words = line.split(separator: " ", maxSplits: 3).map(String.init)
                if line.hasPrefix("# HELP ") {
                    #expect(helped.insert(words[2]).inserted, "\(words[2]) is described once")
                    family = words[2]
                } else if line.hasPrefix("# TYPE ") {
                    #expect(words[2] == family)
                    types[words[2]] = words[3]
                } else {
                    let match = try #require(
                        line.wholeMatch(of: /([a-z_]+)((?:\{[^{}]*\})?) (-?[0-9.e+-]+)/), "\(line) is a sample")
                    let name = String(match.1)
                    let base = types[family] == "histogram" ? name.replacing(/_(bucket|sum|count)$/, with: "") : name
                    #expect(base == family, "\(line) stands under its own description")
                    let key = String(match.1 + match.2)
                    #expect(samples[key] == nil, "\(key) occurs once")
                    samples[key] = Double(match.3)
                }
            }
        }
    }

    private func scheduler() -> Scheduler {
        var state = SchedulerState()
        let now = ContinuousClock.now
        state.add(Runner(id: "r1", slots: 2, statedModels: ["m"]))
        state.add(Runner(id: "r2", statedModels: ["m"]))
        state.runnerResponded("r1", engineModels: nil, now: now)
        for _ in 0..<2 { _ = state.place(PlacementRequest(models: ["m"]), now: now) }
        _ = state.place(PlacementRequest(models: ["m"]), now: now)
        return Scheduler(state)
    }

    @Test func countsWhatHappened() throws {
        let metrics = CallMetrics()
        for _ in 0..<5 { metrics.callBegan() }
        metrics.callEnded(
            .init(requested: "fast", code: "client_gone"),
            CallMeasurements(total: 1, toFirstToken: 0.3, broken: .init(generated: 9, delivered: 4)))
        metrics.callEnded(
            .init(requested: "fast", code: "ok"),
            CallMeasurements(
                total: 0.3, toFirstByte: 0.004, toFirstToken: 0.2, tokensPerSecond: 33,
                usage: TokenUsage(prompt: 10, completion: 20, cached: 8, reasoning: 5), events: 7))
        metrics.callEnded(.init(requested: "fast", code: "ok"), CallMeasurements(total: 400, toFirstByte: 0.01))
        metrics.callEnded(.init(requested: "exact", code: "queue_full"), CallMeasurements(total: 0.001))
        let fleet = FleetMetrics(scheduler: scheduler())
        fleet.packetWasSent()
        fleet.wakeEnded(succeeded: true)
        fleet.wakeEnded(succeeded: false)
        fleet.wakeEnded(succeeded: false)
        let budget = BufferBudget(limit: 1_000)
        let share = budget.share(for: nil, from: nil)
        #expect(share.reserve(123) == .granted)
        let page = try page(metrics, fleet, budget)
        #expect(page.samples["simpleai_calls_total{class=\"fast\",code=\"ok\"}"] == 2)
        #expect(page.samples["simpleai_calls_total{class=\"exact\",code=\"queue_full\"}"] == 1)
        #expect(page.samples["simpleai_calls_open"] == 1)
        #expect(page.samples["simpleai_leases"] == 2)
        #expect(page.samples["simpleai_calls_waiting"] == 1)
        #expect(page.samples["simpleai_lease_double_returns_total"] == 0)
        #expect(page.samples["simpleai_tokens_total{kind=\"prompt\"}"] == 10)
        #expect(page.samples["simpleai_tokens_total{kind=\"completion\"}"] == 20)
        #expect(page.samples["simpleai_cached_prompt_tokens_total"] == 8)
        #expect(page.samples["simpleai_reasoning_tokens_total"] == 5)
        #expect(page.samples["simpleai_interrupted_stream_tokens_total{kind=\"generated\"}"] == 9)
        #expect(page.samples["simpleai_interrupted_stream_tokens_total{kind=\"delivered\"}"] == 4)
        #expect(page.samples["simpleai_time_to_first_token_seconds_count{class=\"fast\"}"] == 2)
        #expect(page.samples["simpleai_time_to_first_token_seconds_bucket{class=\"fast\",le=\"0.25\"}"] == 1)
        #expect(page.samples["simpleai_time_to_first_token_seconds_sum{class=\"fast\"}"] == 0.5)
        #expect(page.samples["simpleai_tokens_per_second_bucket{class=\"fast\",le=\"30.0\"}"] == 0)
        #expect(page.samples["simpleai_tokens_per_second_bucket{class=\"fast\",le=\"40.0\"}"] == 1)
        #expect(page.samples["simpleai_tokens_per_second_count{class=\"exact\"}"] == nil, "nothing was measured")
        #expect(page.samples["simpleai_events_relayed_total"] == 7)
        #expect(page.samples["simpleai_runners{state=\"ready\"}"] == 1)
        #expect(page.samples["simpleai_runners{state=\"unknown\"}"] == 1)
        #expect(page.samples["simpleai_runners{state=\"asleep\"}"] == 0)
        #expect(page.samples["simpleai_runner_active_calls{runner=\"r1\"}"] == 2)
        #expect(page.samples["simpleai_wakes_total{outcome=\"awake\"}"] == 1)
        #expect(page.samples["simpleai_wakes_total{outcome=\"failed\"}"] == 2)
        #expect(page.samples["simpleai_magic_packets_total"] == 1)
        #expect(page.samples["simpleai_buffered_bytes"] == 123)
        #expect(page.types["simpleai_calls_total"] == "counter")
        #expect(page.types["simpleai_calls_open"] == "gauge")
        #expect(page.types["simpleai_call_duration_seconds"] == "histogram")
    }

    @Test func histogramsAreCumulative() throws {
        let metrics = CallMetrics()
        for seconds in [0.005, 0.0051, 0.3, 400, 301] {
            metrics.callBegan()
            metrics.callEnded(.init(requested: "fast", code: "ok"), CallMeasurements(total: seconds))
        }
        let page = try page(metrics)
        func bucket(_ bound: String) -> Double? {
            page.samples["simpleai_call_duration_seconds_bucket{class=\"fast\",le=\"\(bound)\"}"]
        }
        // A bound belongs to its own bucket.
        #expect(bucket("0.005") == 1)
        #expect(bucket("0.01") == 2)
        #expect(bucket("0.25") == 2)
        #expect(bucket("0.5") == 3)
        #expect(bucket("300.0") == 3)
        #expect(bucket("+Inf") == 5)
        #expect(page.samples["simpleai_call_duration_seconds_count{class=\"fast\"}"] == 5)
        let sum = try #require(page.samples["simpleai_call_duration_seconds_sum{class=\"fast\"}"])
        #expect(abs(sum - 701.3101) < 1e-9)
        let counts = Histogram.seconds.compactMap { bucket("\($0)") }
        #expect(counts.count == Histogram.seconds.count)
        #expect(counts == counts.sorted())
    }

    /// Engines state token counts; no value may stop the gateway.
    @Test func absurdUsageDoesNotOverflow() throws {
        let metrics = CallMetrics()
        for _ in 0..<3 {
            metrics.callBegan()
            metrics.callEnded(
                .init(requested: "fast", code: "ok"),
                CallMeasurements(
                    total: 1, usage: TokenUsage(prompt: .max, completion: .max, cached: .max, reasoning: .max),
                    broken: .init(generated: .max, delivered: .max)))
        }
        let page = try page(metrics)
        #expect(page.samples["simpleai_tokens_total{kind=\"prompt\"}"] == Double(Int.max))
        #expect(page.samples["simpleai_calls_open"] == 0)
    }

    @Test func buildInfoStatesTheVersion() throws {
        let page = try page(BuildMetric(version: "1.2.3"))
        #expect(page.types["simpleai_build_info"] == "gauge")
        #expect(page.samples["simpleai_build_info{version=\"1.2.3\"}"] == 1)
    }
}
