import Synchronization

/// A signal that one task at a time can wait for. A signal without a waiter is kept for the next wait; further signals add
/// nothing.
final class AsyncSignal: Sendable {
    private enum State {
        case idle
        case signalled
        case awaited(CheckedContinuation<Void, Never>)
    }

    private let state = Mutex(State.idle)

    func signal() {
        takeWaiter(otherwise: .signalled)?.resume()
    }

    /// Returns at the next signal, or when the task is cancelled.
    func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if case .signalled = state {
                        state = .idle
                        return true
                    }
                    // If the task was cancelled before, the handler below found no continuation to resume.
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
                state = .idle
                return waiter
            }
            if let fallback { state = fallback }
            return nil
        }
    }
}
