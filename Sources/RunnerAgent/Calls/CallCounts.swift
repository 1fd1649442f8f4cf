import SimpleAICore
import Synchronization

/// What runs, and what has run, on this machine through the agent.
final class CallCounts: Sendable {
    struct Figures: Hashable, Sendable {
        var active = 0
        /// That an engine has answered to their end.
        var processed = 0
        /// Exponentially weighted, from a call's arrival to the last byte of its answer.
        var averageLatency: Duration?

        fileprivate mutating func add(_ latency: Duration) {
            processed += 1
            averageLatency = averageLatency.map { $0 + (latency - $0) / 8 } ?? latency
        }
    }

    private struct State {
        var total = Figures()
        /// By the engine's own id; only of models that engines list, so not more than there are.
        var models: [EngineModelID: Figures] = [:]
    }

    private let state = Mutex(State())
    /// Some call has ended. For one reader: whoever drains.
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

    /// - Parameter latency: nil for a call that was not answered to its end.
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

    /// Returns when no call runs.
    func idle() async {
        if total.active == 0 { return }
        for await _ in ends where total.active == 0 { return }
    }
}
