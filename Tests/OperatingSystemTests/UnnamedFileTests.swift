import Foundation
import TestSupport
import Testing

@testable import OperatingSystem

@Suite struct UnnamedFileTests {
    private static func write(_ text: String, to file: UnnamedFile, at offset: Int) throws {
        try Array(text.utf8).withUnsafeBytes { try file.write($0, at: offset) }
    }

    private static func read(_ count: Int, of file: UnnamedFile, at offset: Int) throws -> String {
        var bytes = [UInt8](repeating: 0, count: count)
        try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: offset) }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(arguments: [true, false])
    func keepsBytesWithoutAName(mayBeUnnamed: Bool) throws {
        try inTemporaryDirectory { directory in
            let file = try UnnamedFile(in: directory.path, mayBeUnnamed: mayBeUnnamed)
            try Self.write("hello", to: file, at: 0)
            try Self.write("world", to: file, at: 5)
            #expect(try Self.read(10, of: file, at: 0) == "helloworld")
            #expect(try Self.read(3, of: file, at: 6) == "orl")
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
        }
    }

    @Test func readingBeyondTheEndFails() throws {
        try inTemporaryDirectory { directory in
            let file = try UnnamedFile(in: directory.path)
            try Self.write("hello", to: file, at: 0)
            #expect(throws: SystemError(number: EIO)) { try Self.read(6, of: file, at: 0) }
        }
    }

    @Test func isUnusableOnceItIsClosed() throws {
        try inTemporaryDirectory { directory in
            let file = try UnnamedFile(in: directory.path)
            file.close()
            file.close()
            #expect(throws: SystemError(number: EBADF)) { try Self.write("x", to: file, at: 0) }
            #expect(throws: SystemError(number: EBADF)) { try Self.read(1, of: file, at: 0) }
        }
    }

    @Test func errorsOfTheSystemAreReported() throws {
        #expect(throws: SystemError(number: ENOENT)) { try UnnamedFile(in: "/no/such/directory") }
        #expect(throws: SystemError(number: ENOENT)) {
            try UnnamedFile(in: "/no/such/directory", mayBeUnnamed: false)
        }
        #if os(Linux)
        let full = UnnamedFile(descriptor: open("/dev/full", O_RDWR | O_CLOEXEC))
        #expect(throws: SystemError(number: ENOSPC)) { try Self.write("x", to: full, at: 0) }
        #endif
    }

    /// A system call may transfer a part of the bytes, or none because of a signal.
    @Test func transfersAreRepeatedUntilTheyAreComplete() throws {
        var calls: [Int] = []
        try UnnamedFile.transferAll(10) { done in
            calls.append(done)
            guard calls.count != 2 else {
                errno = EINTR
                return -1
            }
            return min(4, 10 - done)
        }
        #expect(calls == [0, 4, 4, 8])
        calls = []
        #expect(throws: SystemError(number: ENOSPC)) {
            try UnnamedFile.transferAll(10) { done in
                calls.append(done)
                errno = ENOSPC
                return done == 0 ? 4 : -1
            }
        }
        #expect(calls == [0, 4])
        #expect(throws: SystemError(number: EIO)) { try UnnamedFile.transferAll(10) { _ in 0 } }
    }
}
