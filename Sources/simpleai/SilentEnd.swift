import Logging
import Synchronization

/// Suppresses log lines once the user stops the program: the parts then shut down one by one, which need not be logged.
final class SilentEnd: Sendable {
    private let hasBegun = Atomic(false)

    func begin() { hasBegun.store(true, ordering: .relaxed) }

    func handler(_ base: any LogHandler) -> any LogHandler { Handler(end: self, base: base) }

    private struct Handler: LogHandler {
        let end: SilentEnd
        var base: any LogHandler

        var logLevel: Logger.Level {
            get { base.logLevel }
            set { base.logLevel = newValue }
        }

        var metadata: Logger.Metadata {
            get { base.metadata }
            set { base.metadata = newValue }
        }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { base[metadataKey: key] }
            set { base[metadataKey: key] = newValue }
        }

        func log(event: LogEvent) {
            guard !end.hasBegun.load(ordering: .relaxed) else { return }
            base.log(event: event)
        }
    }
}
