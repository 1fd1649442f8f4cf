import Foundation
import TestSupport
import Testing

@testable import OperatingSystem

/// Real files and pipes.
@Suite(.timeLimit(.minutes(1))) struct OperatorFileTests {
    @Test func aPipeThatNoProgramWritesToIsAFailure() throws {
        try inTemporaryDirectory { directory in
            let path = directory.appendingPathComponent("pipe").path
            #expect(mkfifo(path, 0o600) == 0)
            #expect(throws: OperatorFile.Failure.noWriter) {
                try OperatorFile.contents(of: path, atMost: 10, writerTimeout: .milliseconds(1))
            }
        }
    }

    @Test(arguments: ["", "x", String(repeating: "long ", count: 40_000)])
    func theWriterOfAPipeIsAwaited(text: String) throws {
        try inTemporaryDirectory { directory in
            let path = directory.appendingPathComponent("pipe").path
            #expect(mkfifo(path, 0o600) == 0)
            let bytes = Array(text.utf8)
            let writer = Thread {
                let descriptor = open(path, O_WRONLY)
                defer { close(descriptor) }
                var rest = bytes[...]
                while !rest.isEmpty {
                    let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
                    guard count > 0 else { return }
                    rest = rest.dropFirst(count)
                }
            }
            writer.start()
            let content = try OperatorFile.contents(of: path, atMost: 1 << 20, writerTimeout: .seconds(50))
            #expect(content == bytes)
        }
    }

    @Test func aFileIsReadAndLimited() throws {
        try inTemporaryDirectory { directory in
            let path = directory.appendingPathComponent("file").path
            #expect(throws: OperatorFile.Failure.missing) { try OperatorFile.contents(of: path, atMost: 10) }
            try Data("0123456789".utf8).write(to: URL(fileURLWithPath: path))
            let content = try OperatorFile.contents(of: path, atMost: 10)
            #expect(content == Array("0123456789".utf8))
            #expect(throws: OperatorFile.Failure.tooLarge(limit: 9)) {
                try OperatorFile.contents(of: path, atMost: 9)
            }
            #expect(throws: OperatorFile.Failure.directory) {
                try OperatorFile.contents(of: directory.path, atMost: 10)
            }
        }
    }
}
