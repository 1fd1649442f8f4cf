import Logging
import Testing

/// A log whose lines a test can wait for.
struct LogStream {
    let logger: Logger
    private let lines: AsyncStream<String>

    init() {
        let (lines, line) = AsyncStream.makeStream(of: String.self)
        self.lines = lines
        logger = Logger(label: "test") { _ in Handler(line: line) }
    }

    /// Returns when `times` lines have begun with this text.
    func wait(for text: String, times: Int = 1) async {
        var left = times
        for await line in lines where line.hasPrefix(text) {
            left -= 1
            if left == 0 { return }
        }
    }

    private struct Handler: LogHandler {
        let line: AsyncStream<String>.Continuation
        var logLevel: Logger.Level = .trace
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { line.yield("\(event.message)") }
    }
}

extension Logger {
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
