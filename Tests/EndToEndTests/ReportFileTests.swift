import Foundation
import Testing

@testable import simpleai

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

@Suite struct ReportFileTests {
    @Test func `a pipe is written and stays a pipe`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder.path + "/pipe"
            #expect(mkfifo(path, 0o600) == 0)
            // Open for both, so that neither end waits for the other.
            let reader = open(path, O_RDWR | O_NONBLOCK)
            defer { close(reader) }
            try ReportFile(path: path).write("report\n")
            var buffer = [UInt8](repeating: 0, count: 100)
            let count = read(reader, &buffer, buffer.count)
            #expect(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self) == "report\n")
            var status = stat()
            #expect(lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
        }
    }

    @Test func `a file is replaced, and a folder is not`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder.path + "/report"
            for text in ["long report\n", "short\n"] {
                try ReportFile(path: path).write(text)
                #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
            }
            #expect(throws: (any Error).self) { try ReportFile(path: folder.path).write("x") }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["report"])
        }
    }
}
