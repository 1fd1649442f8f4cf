import Synchronization

/// Ends one task's wait early. A signal without a waiter is kept for the next wait; further signals add nothing. One
/// waiter at a time.
final class AsyncSignal: Sendable {
    private enum State {
        case quiet
        case rung
        case awaited(CheckedContinuation<Void, Never>)
    }

    private let state = Mutex(State.quiet)

    func signal() {
        takeWaiter(otherwise: .rung)?.resume()
    }

    /// Returns at the next signal, or when the task is cancelled.
    func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if case .rung = state {
                        state = .quiet
                        return true
                    }
                    // If the cancellation came before the continuation, the handler below found none to resume.
                    if Task.isCancelled { return true }
                    state = .awaited(continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            takeWaiter(otherwise: nil)?.resume()
        }
    }

    private func takeWaiter(otherwise fallback: State?) -> CheckedContinuation<Void, Never>? {
        state.withLock { state in
            if case .awaited(let waiter) = state {
                state = .quiet
                return waiter
            }
            if let fallback { state = fallback }
            return nil
        }
    }
}
