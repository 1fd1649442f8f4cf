package import SimpleAICore
import Synchronization

/// The metrics of inference calls. Labels are closed sets or come from settings, so that clients cannot increase the
/// number of series.
package final class CallMetrics: MetricSource {
    struct Labels: Hashable {
        /// The requested class; "exact" for model ids.
        let requested: String
        /// The error's code, "ok", or "client_gone".
        let code: String
    }

    private struct Counts {
        var openCalls = 0
        var calls: [Labels: Int] = [:]
        var classes: [String: ClassCounts] = [:]
        var tokens = TokenUsage(prompt: 0, completion: 0)
        var broken = CallMeasurements.BrokenStream(generated: 0, delivered: 0)
        var events = 0
    }

    private struct ClassCounts {
        var callSeconds = Histogram(bounds: Histogram.seconds)
        var firstByteSeconds = Histogram(bounds: Histogram.seconds)
        var firstTokenSeconds = Histogram(bounds: Histogram.seconds)
        var tokensPerSecond = Histogram(bounds: Histogram.tokensPerSecond)

        mutating func add(_ figures: CallMeasurements) {
            callSeconds.observe(figures.total)
            if let seconds = figures.toFirstByte { firstByteSeconds.observe(seconds) }
            if let seconds = figures.toFirstToken { firstTokenSeconds.observe(seconds) }
            if let speed = figures.tokensPerSecond { tokensPerSecond.observe(speed) }
        }
    }

    private let counts = Mutex(Counts())

    package init() {}

    func callBegan() {
        counts.withLock { $0.openCalls += 1 }
    }

    func callEnded(_ labels: Labels, _ figures: CallMeasurements) {
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

    /// Saturating addition: engines state these numbers, and no value may crash the services.
    private static func add(_ more: Int, to total: inout Int) {
        let (sum, overflows) = total.addingReportingOverflow(more)
        total = overflows ? .max : sum
    }

    // MARK: Exposition

    package func write(to page: inout ExpositionPage) {
        let counts = counts.withLock { $0 }
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
    }
}
