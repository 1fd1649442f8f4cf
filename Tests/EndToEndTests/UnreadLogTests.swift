import Foundation
import Testing

/// The log is a FIFO without a reader: a log collector that hangs.
@Suite struct UnreadLogTests {
    private struct NoFIFO: Error {}

    @Test(.enabled(if: Crowd.isPossible, Crowd.missing), arguments: ["text", "json"])
    func `streams do not wait for the log, and dropped lines are counted`(format: String) async throws {
        // The shell opens it for reading, too, so that opening does not wait for a reader.
        let shell: @Sendable (URL) -> String = { folder in
            "mkfifo \(folder.path)/log; export SIMPLEAI__LOG__FORMAT=\(format); exec \"$0\" \"$@\" 2<>\(folder.path)/log"
        }
        try await Crowd.with(shell) { crowd in
            let dropped = "simpleai_log_lines_dropped_total"
            // More lines than the pipe and the queue hold.
            let filling = try await crowd.clients("--refused", "1500")
            #expect(filling.refusals == [404])
            #expect(try await crowd.metric(dropped) > 0)

            let seen = try await crowd.clients("--streams", "64")
            #expect(seen.complete == 64, "\(seen.failures)")
            let total = try await crowd.metric(dropped)
            #expect(total >= 64)

            let reader = try Reader(crowd.fleet.folder.appendingPathComponent("log").path)
            let report = try await value(of: "the report of dropped lines", within: .seconds(60)) {
                try await reader.line { $0.contains("Log lines dropped") }
            }
            if format == "json" {
                let members = try #require(
                    try JSONSerialization.jsonObject(with: Data(report.utf8)) as? [String: Any], "\(report)")
                #expect(members["count"] as? Int == total, "\(report)")
                #expect(members["level"] as? String == "warning")
            } else {
                #expect(report.contains(" warning simpleai: count=\(total) [simpleai] Log lines dropped"), "\(report)")
            }

            // From here on the log is complete again, to its last line.
            #expect(try await crowd.clients("--streams", "1").complete == 1)
            crowd.gateway.terminate()
            _ = try await value(of: "the last lines", within: .seconds(60)) {
                _ = try await reader.line { $0.contains("Call completed") && $0.contains("counted") }
                return try await reader.line { $0.contains("Shutdown started") }
            }
            #expect(try await crowd.gateway.ended(within: .seconds(60)).code == 0)
        }
    }

    /// Reads lines of a FIFO on a thread of its own.
    private final class Reader: Sendable {
        private let lines: AsyncStream<String>

        init(_ path: String) throws {
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw NoFIFO() }
            let (lines, continuation) = AsyncStream.makeStream(of: String.self)
            self.lines = lines
            Thread.detachNewThread {
                var rest = Data()
                while let data = ChildProcess.read(descriptor) {
                    rest += data
                    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                        continuation.yield(String(decoding: rest[..<end], as: UTF8.self))
                        rest = Data(rest[rest.index(after: end)...])
                    }
                }
                close(descriptor)
                continuation.finish()
            }
        }

        /// The next line that is wanted.
        func line(_ isWanted: @Sendable (String) -> Bool) async throws -> String {
            for await line in lines where isWanted(line) { return line }
            throw CancellationError()
        }
    }
}
