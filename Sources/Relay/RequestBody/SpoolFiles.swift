import NIOCore
import NIOPosix
import OperatingSystem
package import SimpleAICore

/// Where long request bodies are stored: a directory, the threads that write and read there, and the shared budget of bytes.
///
/// Event loops never wait for a disk. Each body has at most one write, and each of its readers one read, in the queue of
/// the threads.
public final class SpoolFiles: Sendable {
    /// The budget of bytes on disk.
    public let budget: BufferBudget
    let directory: String
    private let threads: NIOThreadPool

    /// - Parameters:
    ///   - directory: on a disk; the directory for temporary files may be memory.
    ///   - threadCount: number of threads.
    public init(directory: String, budget: BufferBudget, threadCount: Int = 2) {
        self.directory = directory
        self.budget = budget
        threads = NIOThreadPool(numberOfThreads: threadCount)
        threads.start()
    }

    /// Ends the threads; bodies that are still stored fail.
    public func shutdown() async throws { try await threads.shutdownGracefully() }

    /// Runs blocking work on one of the threads.
    /// - Returns: its result; a failure once the threads have ended.
    func run<Success: Sendable>(
        on eventLoop: any EventLoop, _ work: @escaping @Sendable () -> Result<Success, SystemError>
    ) -> EventLoopFuture<Success> {
        threads.runIfActive(eventLoop: eventLoop) { try work().get() }
    }

    /// Closes a file, which may block until its space is free, and returns its bytes to the budget after that.
    func close(_ file: UnnamedFile?, returning bytes: Int, to share: BufferShare?) {
        let work: @Sendable () -> Void = {
            file?.close()
            share?.release(bytes)
        }
        guard file != nil else { return work() }
        threads.submit { _ in work() }
    }

    /// The error for a body that cannot be stored.
    func error(_ error: any Error) -> GatewayError {
        let error = error as? SystemError
        let isFull = error.map { SystemError.fullDisk.contains($0.number) } ?? false
        return GatewayError(
            .queueFull,
            isFull
                ? "The gateway has no disk space left for large request bodies. Retry later."
                : "The gateway could not store the request body. Retry later.",
            retry: .after(.seconds(5)),
            cause: "storing a request body on the volume of \(directory): \(error?.description ?? "shutting down")")
    }
}

extension SpoolFiles: MetricSource {
    package func write(to page: inout ExpositionPage) {
        page.metric("simpleai_spooled_bytes", .gauge, "Size of request bodies stored on disk, in bytes.") {
            $0.sample([:], budget.bytesInUse)
        }
    }
}

extension FairShare.Decision {
    /// The error for a refused reservation of disk space; nil if it was granted.
    var spoolRefusal: GatewayError? {
        switch self {
        case .granted: nil
        case .exhausted:
            GatewayError(
                .queueFull, "The gateway has no disk space left for large request bodies. Retry later.",
                retry: .after(.seconds(5)), cause: "server.max_spooled reached")
        case .beyondShare:
            GatewayError(
                .queueFull,
                "The large request bodies of your calls exceed the disk space of one caller. Retry when some of them "
                    + "have completed.",
                retry: .after(.seconds(5)), cause: "server.max_spooled_per_caller, or share of server.max_spooled")
        }
    }
}
