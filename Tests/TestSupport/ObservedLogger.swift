package import Logging

/// An event that a logger received; the logger's own metadata are included.
package struct LoggedEvent: Sendable {
    package let level: Logger.Level
    package let message: String
    package let metadata: [String: String]
}

extension Logger {
    /// A logger that passes every event to a closure.
    package static func observed(
        level: Logger.Level = .info, _ observe: @escaping @Sendable (LoggedEvent) -> Void
    ) -> Logger {
        Logger(label: "test") { _ in ObservingLogHandler(observe: observe, logLevel: level) }
    }
}

private struct ObservingLogHandler: LogHandler {
    let observe: @Sendable (LoggedEvent) -> Void
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        observe(LoggedEvent(level: event.level, message: "\(event.message)", metadata: all.mapValues { "\($0)" }))
    }
}
