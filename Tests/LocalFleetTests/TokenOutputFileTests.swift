import Foundation
import Testing

@testable import LocalFleet

@Suite struct TokenOutputFileTests {
    private static let token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    private func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test func `a new file is private`() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/token"
            try TokenOutputFile(path: path).write(Self.token, replacing: false)
            #expect(try text(path) == Self.token + "\n")
            #expect(try mode(path) == 0o600)
        }
    }

    @Test(arguments: ["", token, token + "\n"]) func `a former token is replaced`(former: String) async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/token"
            try former.write(toFile: path, atomically: false, encoding: .utf8)
            try TokenOutputFile(path: path).write(Self.token, replacing: false)
            #expect(try text(path) == Self.token + "\n")
            #expect(try mode(path) == 0o600)
        }
    }

    @Test(arguments: [
        "precious\n", "\n", token + "\n" + token + "\n", "eyJ.eyJ", "eyJ.eyJ.a b", "ab.cd.ef", "# " + token,
    ])
    func `other contents are replaced only on request`(former: String) async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/notes.txt"
            try former.write(toFile: path, atomically: false, encoding: .utf8)
            #expect(throws: PrivateFile.Failure.exists(path: path)) {
                try TokenOutputFile(path: path).write(Self.token, replacing: false)
            }
            #expect(try text(path) == former)
            try TokenOutputFile(path: path).write(Self.token, replacing: true)
            #expect(try text(path) == Self.token + "\n")
        }
    }

    @Test(arguments: [false, true]) func `a pipe is written and stays a pipe`(replacing: Bool) async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/pipe"
            #expect(mkfifo(path, 0o600) == 0)
            // Open for both, so that neither end waits for the other.
            let reader = open(path, O_RDWR | O_NONBLOCK)
            defer { close(reader) }
            try TokenOutputFile(path: path).write(Self.token, replacing: replacing)
            var buffer = [UInt8](repeating: 0, count: 1000)
            let count = read(reader, &buffer, buffer.count)
            #expect(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self) == Self.token + "\n")
            var status = stat()
            #expect(lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
        }
    }

    @Test func `links and folders are refused and stay`() async throws {
        try await withTemporaryDirectory { directory in
            let (link, dangling, folder) = (directory + "/link", directory + "/dangling", directory + "/folder")
            try Data("eyJ.eyJ.a".utf8).write(to: URL(fileURLWithPath: directory + "/target"))
            symlink("target", link)
            symlink("nothing", dangling)
            mkdir(folder, 0o700)
            for (path, kind) in [(link, "a symbolic link"), (dangling, "a symbolic link"), (folder, "a folder")] {
                for replacing in [false, true] {
                    #expect(throws: PrivateFile.Failure.notRegular(path: path, kind: kind)) {
                        try TokenOutputFile(path: path).write(Self.token, replacing: replacing)
                    }
                    #expect(throws: PrivateFile.Failure.notRegular(path: path, kind: kind)) {
                        try PrivateFile.write([1], to: path, replacing: true)
                    }
                }
            }
            #expect(try text(directory + "/target") == "eyJ.eyJ.a")
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory).count == 4, "no draft is left")
        }
    }
}
