import Logging
import NIOPosix
import NetworkErrors
import ServiceLifecycle
import SimpleAICore
import Storage

/// Writes the last-use times of API keys once a minute and at shutdown, and retries failed writes of revocations.
/// Revocations that are not in the database at shutdown remain in a file, which the next start reads.
struct KeyUsageWriter: Service {
    /// Time between two attempts to write revocations.
    private static let retryInterval: Duration = .seconds(2)
    /// Number of retry intervals per update of last-use times.
    private static let retriesPerUse = 30

    /// Nil if API keys are disabled.
    let keys: KeyStore?
    let logger: Logger

    func run() async throws {
        guard let keys else { return try await gracefulShutdown() }
        await cancelWhenGracefulShutdown {
            var isReported = false
            var count = 0
            // Ends by cancellation at shutdown.
            while (try? await Task.sleep(for: Self.retryInterval)) != nil {
                if !keys.pendingRevocations.isEmpty { await writeRevocations(keys, &isReported) }
                count += 1
                if count % Self.retriesPerUse == 0 { await writeUses(keys) }
            }
        }
        await writeUses(keys)
        var isReported = true
        await writeRevocations(keys, &isReported)
        let lost = keys.pendingRevocations
        guard !lost.isEmpty else { return }
        let ids = "\(lost.joined(separator: ", "))"
        if let path = keys.revocationFilePath {
            logger.warning(
                "API key revocations saved to the fallback file",
                metadata: [LogKeys.key: "\(ids)", LogKeys.path: "\(path)"])
        } else {
            logger.critical(
                "API key revocations not saved before shutdown", metadata: [LogKeys.key: "\(ids)"])
        }
    }

    private static func text(_ error: any Error) -> String {
        (error as? KeyStoreError)?.description ?? NetworkErrorText.of(error)
    }

    private func writeUses(_ keys: KeyStore) async {
        do {
            try await NIOThreadPool.singleton.runIfActive { try keys.writeLastUse() }
        } catch {
            logger.error(
                "API key usage write failed", metadata: [LogKeys.cause: "\(Self.text(error))"])
        }
    }

    /// The first failure was logged when the key was revoked. Logs once that it persists, and when it is over.
    private func writeRevocations(_ keys: KeyStore, _ isReported: inout Bool) async {
        let ids = keys.pendingRevocations.joined(separator: ", ")
        guard !ids.isEmpty else { return }
        do {
            try await NIOThreadPool.singleton.runIfActive { try keys.writeRevocations() }
            logger.notice("API key revocations saved", metadata: [LogKeys.key: "\(ids)"])
            isReported = false
        } catch {
            guard !isReported else { return }
            isReported = true
            logger.error(
                "API key revocation retry failed",
                metadata: [
                    LogKeys.key: "\(ids)", LogKeys.cause: "\(Self.text(error))",
                    LogKeys.path: "\(keys.revocationFilePath ?? "none")",
                ])
        }
    }
}
