import Logging
import ServiceLifecycle

/// Runs a service; cancellation of this task reaches the service as a graceful shutdown.
///
/// A Hummingbird server that is cancelled while a connection arrives drops the half-established connection, and NIO
/// traps on it (`Deinited NIOAsyncWriter without calling finish()`). A graceful shutdown lets its connections finish.
///
/// - Parameter onEnd: called when the shutdown has begun, to end what does not end on shutdown.
func runToGracefulEnd(
    _ service: any Service, logger: Logger, onEnd: @escaping @Sendable () -> Void = {}
) async throws {
    let group = ServiceGroup(services: [service], logger: logger)
    let end = OneShot()
    // Not a child task, which would be cancelled with this one; but it is always awaited.
    let server = Task {
        try await withThrowingTaskGroup { tasks in
            tasks.addTask {
                defer { end.settle() }
                try await group.run()
            }
            tasks.addTask {
                try await end.wait()
                await group.triggerGracefulShutdown()
                onEnd()
            }
            try await tasks.waitForAll()
        }
    }
    try await withTaskCancellationHandler {
        try await server.value
    } onCancel: {
        end.settle()
    }
}
