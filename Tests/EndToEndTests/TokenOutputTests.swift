import Foundation
import Testing

/// `simpleai token --output`, and keys that a user cannot read.
@Suite struct TokenOutputTests {
    private func withKey(
        _ body: (_ folder: URL, _ shell: (String) async throws -> RunningProcess.Ended) async throws -> Void
    )
        async throws
    {
        try await withTemporaryFolder { folder in
            let environment = ["HOME": folder.path, "XDG_RUNTIME_DIR": folder.path]
            func shell(_ line: String) async throws -> RunningProcess.Ended {
                try await Program(
                    URL(fileURLWithPath: "/bin/sh"), ["-c", line, Repository.binary.path], environment: environment,
                    directory: folder
                ).run()
            }
            let made = try await shell("\"$0\" token init --directory .simpleai --algorithm ES256")
            #expect(made.code == 0, "\(made.text)")
            try await body(folder, shell)
        }
    }

    @Test(arguments: ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
    func `standard output is written, whatever it is`(path: String) async throws {
        try await withKey { folder, shell in
            // A name of the same kind, in a folder of the test: a fault must not harm the machine.
            try FileManager.default.createSymbolicLink(
                atPath: folder.path + "/out", withDestinationPath: "/proc/self/fd/1")
            let name = geteuid() == 0 && path.hasPrefix("/dev") ? "out" : path
            let pipe = try await shell("\"$0\" token --output \(name)")
            #expect(pipe.code == 0 && pipe.output.hasPrefix("eyJ"), "\(pipe.text)")
            // A file to which the shell redirects is written, and stays the same file.
            let file = try await shell("echo before > file; \"$0\" token --output \(name) >> file; cat file")
            #expect(file.code == 0 && file.output.hasPrefix("before\neyJ"), "\(file.text)")
            #expect(
                try FileManager.default.destinationOfSymbolicLink(atPath: folder.path + "/out") == "/proc/self/fd/1")
        }
    }

    @Test func `a named pipe is written`() async throws {
        try await withKey { folder, shell in
            let run = try await shell("mkfifo ff; cat ff & \"$0\" token --output ff; wait; test -p ff")
            #expect(run.code == 0 && run.output.hasPrefix("eyJ"), "\(run.text)")
        }
    }

    @Test func `only a token is replaced without a question`() async throws {
        try await withKey { folder, shell in
            for _ in 0..<2 {
                let run = try await shell("umask 000; \"$0\" token --output t && stat -c %a t")
                #expect(run.code == 0 && run.output == "600\n", "\(run.text)")
            }
            let refused = try await shell("echo precious > notes.txt; \"$0\" token --output notes.txt")
            #expect(
                refused.code == 1 && refused.errors.contains("notes.txt already exists; use --force"), "\(refused.text)"
            )
            let kept = try await shell("cat notes.txt; \"$0\" token --output notes.txt --force && cut -c 1-3 notes.txt")
            #expect(kept.output == "precious\neyJ\n", "\(kept.text)")
        }
    }

    @Test(arguments: ["--output ''", "--force"]) func `options without a meaning are usage errors`(options: String)
        async throws
    {
        try await withKey { _, shell in
            let run = try await shell("\"$0\" token \(options)")
            #expect(run.code == 2, "\(run.text)")
        }
    }

    @Test(
        .enabled(if: geteuid() == 0 && FileManager.default.fileExists(atPath: "/usr/bin/setpriv"), "changes the user"))
    func `a key that this user cannot read is named`() async throws {
        try await withKey { folder, shell in
            let run = try await shell("exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$0\" token")
            #expect(
                run.code == 1
                    && run.errors.contains("\(folder.path)/.simpleai/token-key.pem cannot be read by this user"),
                "\(run.text)")
        }
    }
}
