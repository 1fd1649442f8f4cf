import Foundation
import Testing

@testable import OperatingSystem

@Suite struct FileAccessTests {
    private func inFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "access-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder)
        try Data("x".utf8).write(to: URL(fileURLWithPath: folder + "/file"))
        try body(folder)
    }

    @Test func `this user's access is that of the system call`() throws {
        try inFolder { folder in
            let access = FileAccess(path: folder + "/file")
            #expect(access.isReadable && access.isWritable && !access.isExecutable)
            #expect(!FileAccess(path: folder + "/missing").isReadable)
        }
    }

    @Test(.enabled(if: geteuid() == 0))
    func `another user's access ends at a folder that is closed to it`() throws {
        try inFolder { folder in
            let file = folder + "/file"
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
            let open = try #require(FileAccess(path: file, user: "daemon"))
            #expect(open.isReadable && !open.isWritable)
            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder)
            let closed = try #require(FileAccess(path: file, user: "daemon"))
            #expect(!closed.isReadable && !closed.isWritable)
            #expect(!(FileAccess(path: folder, user: "daemon")?.isExecutable ?? true))
        }
    }

    @Test func `the access of a user who does not exist is unknown`() {
        #expect(FileAccess(path: "/", user: "no-such-user-\(getpid())") == nil)
    }
}
