import Logging
import ServiceLifecycle

@testable import LocalFleet

/// Runs a service while `body` runs, for half a minute at most.
func running<Running: Service, Result: Sendable>(
    _ service: Running, _ body: @escaping @Sendable (Running) async throws -> Result
) async throws -> Result {
    try await within(.seconds(30), "the end of the test") {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                try await service.run()
                return nil
            }
            group.addTask { try await body(service) }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }
}

extension Logger {
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
