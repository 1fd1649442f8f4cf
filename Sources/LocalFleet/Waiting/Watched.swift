import Synchronization

/// A value whose changes can be awaited, so that tests and start-up need not poll.
final class Watched<Value: Sendable>: Sendable {
    private struct Waiter {
        let isSatisfied: @Sendable (Value) -> Bool
        let continuation: CheckedContinuation<Value, any Error>
    }

    private struct State {
        var value: Value
        var failure: (any Error)?
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0

        mutating func removeSatisfied() -> [Waiter] {
            let satisfied = waiters.filter { $0.value.isSatisfied(value) }.keys
            return satisfied.sorted().compactMap { waiters.removeValue(forKey: $0) }
        }
    }

    private let state: Mutex<State>

    init(_ value: Value) {
        state = Mutex(State(value: value))
    }

    var value: Value { state.withLock { $0.value } }

    /// Changes the value and resumes the waiters whose condition it satisfies.
    @discardableResult
    func update<Result: Sendable>(_ change: (inout Value) -> Result) -> Result {
        let (result, value, waiters) = state.withLock { state in
            let result = change(&state.value)
            return (result, state.value, state.removeSatisfied())
        }
        for waiter in waiters { waiter.continuation.resume(returning: value) }
        return result
    }

    /// Ends the changes: every current or later waiter whose condition does not hold receives this error.
    func fail(_ error: any Error) {
        let waiters = state.withLock { state in
            state.failure = state.failure ?? error
            defer { state.waiters = [:] }
            return state.waiters.values.map(\.continuation)
        }
        for waiter in waiters { waiter.resume(throwing: error) }
    }

    /// Waits until the value satisfies the condition.
    ///
    /// - Throws: `CancellationError`, or the error that `fail` received.
    func value(where isSatisfied: @escaping @Sendable (Value) -> Bool) async throws -> Value {
        let number = state.withLock { state in
            defer { state.nextWaiter += 1 }
            return state.nextWaiter
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome: Result<Value, any Error>? = state.withLock { state in
                    if isSatisfied(state.value) { return .success(state.value) }
                    if let failure = state.failure { return .failure(failure) }
                    // Checked under the lock: a later cancellation finds the waiter in the table.
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiters[number] = Waiter(isSatisfied: isSatisfied, continuation: continuation)
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let waiter = state.withLock { $0.waiters.removeValue(forKey: number) }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }
}
