import KeyStore
import Logging
import NIOPosix
import ServiceLifecycle

/// Writes, once a minute and at the end, when API keys were last used.
struct KeyUpkeep: Service {
    private static let interval: Duration = .seconds(60)

    /// Nil where settings turn keys off.
    let keys: KeyStore?
    let logger: Logger

    func run() async throws {
        guard let keys else { return try await gracefulShutdown() }
        await cancelWhenGracefulShutdown {
            // Ends by cancellation, which is the shutdown.
            while (try? await Task.sleep(for: Self.interval)) != nil { await write(keys) }
        }
        await write(keys)
    }

    private func write(_ keys: KeyStore) async {
        do {
            try await NIOThreadPool.singleton.runIfActive { try keys.noteUses() }
        } catch {
            logger.error(
                "The last uses of API keys could not be written", metadata: [LogKeys.cause: "\(error)"])
        }
    }
}
