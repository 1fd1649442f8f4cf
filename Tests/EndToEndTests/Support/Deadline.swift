/// The awaited event did not happen in time.
struct DeadlinePassed: Error, CustomStringConvertible {
    let awaited: String
    let limit: Duration
    /// The output so far.
    var seen = ""

    var description: String { "waited \(limit) for \(awaited)" + (seen.isEmpty ? "" : "; until then:\n\(seen)") }
}

/// The value of `body`, or `DeadlinePassed` if that takes longer than `limit`.
///
/// Limits are for events that never happen, so they are generous: no test asserts a duration.
func value<Value: Sendable>(
    of awaited: String, within limit: Duration, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        defer { group.cancelAll() }
        group.addTask(operation: body)
        group.addTask {
            try await Task.sleep(for: limit)
            throw DeadlinePassed(awaited: awaited, limit: limit)
        }
        guard let value = try await group.next() else { throw CancellationError() }
        return value
    }
}
