import SimpleAICore
import Synchronization

/// Counts the calls that the agent relays to this machine's engines.
final class CallCounts: Sendable {
    struct Figures: Hashable, Sendable {
        var active = 0
        /// Number of calls that an engine completed.
        var processed = 0
        /// Exponentially weighted average time from a call's arrival to the last byte of its response.
        var averageLatency: Duration?

        fileprivate mutating func add(_ latency: Duration) {
            processed += 1
            averageLatency = averageLatency.map { $0 + (latency - $0) / 8 } ?? latency
        }
    }

    private struct State {
        var total = Figures()
        /// By the engine's own model id. Contains only models that engines list, which bounds its size.
        var models: [EngineModelID: Figures] = [:]
    }

    private let state = Mutex(State())
    /// Yields when a call has ended. For one reader: the drain.
    let ends: AsyncStream<Void>
    private let end: AsyncStream<Void>.Continuation

    init() {
        (ends, end) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    var total: Figures { state.withLock { $0.total } }

    func figures(of model: String) -> Figures { state.withLock { $0.models[EngineModelID(model)] ?? Figures() } }

    func began(_ model: String) {
        state.withLock { state in
            state.total.active += 1
            state.models[EngineModelID(model), default: Figures()].active += 1
        }
    }

    /// - Parameter latency: nil for a call without a complete response.
    func ended(_ model: String, latency: Duration?) {
        state.withLock { state in
            state.total.active -= 1
            state.models[EngineModelID(model)]?.active -= 1
            guard let latency else { return }
            state.total.add(latency)
            state.models[EngineModelID(model)]?.add(latency)
        }
        end.yield()
    }

    /// Returns when no call is in progress.
    func idle() async {
        if total.active == 0 { return }
        for await _ in ends where total.active == 0 { return }
    }
}
