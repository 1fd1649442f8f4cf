/// The error of an operation that exceeded its time limit.
public struct DeadlinePassed: Error, Equatable, CustomStringConvertible {
    public let awaited: String
    public let limit: Duration

    public var description: String { "timed out after \(limit) waiting for \(awaited)" }
}

/// Runs `body`, and cancels it after `limit`.
///
/// - Throws: `DeadlinePassed`, or what `body` throws.
func within<Result: Sendable>(
    _ limit: Duration, _ awaited: String, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result.self) { group in
        group.addTask(operation: body)
        group.addTask {
            try await Task.sleep(for: limit)
            throw DeadlinePassed(awaited: awaited, limit: limit)
        }
        defer { group.cancelAll() }
        guard let result = try await group.next() else { throw CancellationError() }
        return result
    }
}
