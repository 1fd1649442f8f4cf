import Logging
import TestSupport

/// A log whose lines a test can wait for.
struct LogStream {
    let logger: Logger
    private let lines: AsyncStream<String>

    init() {
        let (lines, line) = AsyncStream.makeStream(of: String.self)
        self.lines = lines
        logger = .observed(level: .trace) { line.yield($0.message) }
    }

    /// Returns when `times` lines have begun with this text.
    func wait(for text: String, times: Int = 1) async {
        var left = times
        for await line in lines where line.hasPrefix(text) {
            left -= 1
            if left == 0 { return }
        }
    }
}

extension Logger {
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
