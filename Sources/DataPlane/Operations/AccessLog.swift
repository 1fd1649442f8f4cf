package import Logging
import NIOCore
package import OperatingSystem
package import SimpleAICore
import Synchronization

/// Writes access lines. Each event loop formats them into a buffer of its own; the writer's thread writes them.
package final class AccessLog: MetricSource {
    /// The buffer of one event loop.
    private final class Buffer {
        var formatter: AccessLineFormatter

        init(_ format: AccessLogOutput.Format) { formatter = AccessLineFormatter(format) }
    }

    /// Its level applies to all lines; it receives them if there is no output.
    private let logger: Logger
    private let output: AccessLogOutput?
    private let buffers = Mutex<[ObjectIdentifier: NIOLoopBound<Buffer>]>([:])

    package init(logger: Logger, output: AccessLogOutput?) {
        self.logger = logger
        self.output = output
    }

    /// Counts the log lines that were dropped since the start; zero if the handler of another program writes them.
    package func write(to page: inout ExpositionPage) {
        page.metric(
            "simpleai_log_lines_dropped_total", .counter,
            "Total number of log lines dropped because the log could not be written fast enough or at all."
        ) { $0.sample([:], output?.writer.droppedLineCount ?? 0) }
    }

    /// Called on `eventLoop`. Never blocks.
    func write(_ line: AccessLine, on eventLoop: any EventLoop) {
        guard let output else { return line.write(to: logger) }
        let buffer = buffer(output.format, eventLoop)
        buffer.formatter.format(line, at: .now)
        buffer.formatter.bytes.withUnsafeBytes { output.writer.write(gathering: $0) }
    }

    private func buffer(_ format: AccessLogOutput.Format, _ eventLoop: any EventLoop) -> Buffer {
        buffers.withLock { buffers in
            if let buffer = buffers[ObjectIdentifier(eventLoop)] { return buffer }
            let buffer = NIOLoopBound(Buffer(format), eventLoop: eventLoop)
            buffers[ObjectIdentifier(eventLoop)] = buffer
            return buffer
        }.value
    }
}
