import Foundation
import Testing

@testable import LocalFleet

@Suite struct TokenKeyFilesTests {
    private func mode(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return try #require(attributes[.posixPermissions] as? Int)
    }

    private func tokenMint(_ issuer: String = "https://home.test") throws -> TokenMint {
        TokenMint(key: try SigningKey(generating: .es256), issuer: issuer, audience: "lab")
    }

    @Test func writtenFilesSufficeToMint() async throws {
        try await withTemporaryDirectory { directory in
            let files = TokenKeyFiles(directory: directory + "/keys")
            let written = try tokenMint()
            try files.write(written, replacing: false)
            #expect(try mode(files.key) == 0o600)
            let read = try TokenKeyFiles(key: files.key).tokenMint()
            #expect(read.issuer == "https://home.test")
            #expect(read.audience == "lab")
            #expect(read.key.id == written.key.id)
            let keys = try JSON(Array(Data(contentsOf: URL(fileURLWithPath: files.keySet))))
            #expect(keys.keys?[0]?.kid == .string(written.key.id))
            #expect(keys.keys?[0]?.d == nil)
            let names = try FileManager.default.contentsOfDirectory(atPath: directory + "/keys")
            #expect(names.sorted() == ["jwks.json", "token-key.json", "token-key.pem"])
        }
    }

    @Test func aKeyIsReplacedOnlyOnRequest() async throws {
        try await withTemporaryDirectory { directory in
            let files = TokenKeyFiles(directory: directory)
            let first = try tokenMint("https://first.test")
            try files.write(first, replacing: false)
            let second = try tokenMint("https://second.test")
            #expect(throws: PrivateFile.Failure.exists(path: files.key)) {
                try files.write(second, replacing: false)
            }
            #expect(try files.tokenMint().key.id == first.key.id)
            #expect(try files.tokenMint().issuer == "https://first.test")
            try files.write(second, replacing: true)
            #expect(try files.tokenMint().key.id == second.key.id)
            #expect(try mode(files.key) == 0o600)
        }
    }

    @Test func filesWithoutAKeyAreReplacedOnlyOnRequest() async throws {
        try await withTemporaryDirectory { directory in
            let files = TokenKeyFiles(directory: directory)
            try Data("{\"keys\":[]}".utf8).write(to: URL(fileURLWithPath: files.keySet))
            #expect(throws: PrivateFile.Failure.exists(path: files.keySet)) {
                try files.write(tokenMint(), replacing: false)
            }
            #expect(!FileManager.default.fileExists(atPath: files.key))
            try files.write(tokenMint(), replacing: true)
        }
    }

    /// What a crash after the key leaves.
    @Test(arguments: [["jwks.json"], ["token-key.json", "jwks.json"], []])
    func missingFilesOfAKeyAreMadeFromIt(missing: [String]) async throws {
        try await withTemporaryDirectory { directory in
            let files = TokenKeyFiles(directory: directory)
            let first = try tokenMint()
            try files.write(first, replacing: false)
            for name in missing { try FileManager.default.removeItem(atPath: "\(directory)/\(name)") }
            let kept = try #require(try files.existingMint(issuer: "https://home.test", audience: "lab"))
            #expect(kept.key.id == first.key.id)
            #expect(try files.complete(kept, copySuffix: "old") == .init())
            #expect(try files.tokenMint().issuer == "https://home.test")
            #expect(try first.key.publicKey.isContained(in: Data(contentsOf: URL(fileURLWithPath: files.keySet))))
        }
    }

    @Test(arguments: ["another key", "{}", "garbage", ""])
    func theKeySetOfAnotherKeyIsCopiedAndReplaced(content: String) async throws {
        try await withTemporaryDirectory { directory in
            let files = TokenKeyFiles(directory: directory)
            let mint = try tokenMint()
            try files.write(mint, replacing: false)
            let other =
                content == "another key" ? PublicJSONWebKey.keySet([try tokenMint().key.publicKey]) : content
            try Data(other.utf8).write(to: URL(fileURLWithPath: files.keySet))
            #expect(try files.complete(mint, copySuffix: "old").copies == [files.keySet + ".old"])
            #expect(try String(contentsOfFile: files.keySet + ".old", encoding: .utf8) == other)
            #expect(try mint.key.publicKey.isContained(in: Data(contentsOf: URL(fileURLWithPath: files.keySet))))
            #expect(try mode(files.keySet) == 0o644)
        }
    }

    @Test func aKeySetOfSeveralKeysIsKept() async throws {
        try await withTemporaryDirectory { directory in
            let files = TokenKeyFiles(directory: directory)
            let mint = try tokenMint()
            try files.write(mint, replacing: false)
            let both = PublicJSONWebKey.keySet([try tokenMint().key.publicKey, mint.key.publicKey])
            try Data(both.utf8).write(to: URL(fileURLWithPath: files.keySet))
            #expect(try files.complete(mint, copySuffix: "old").copies == [])
            #expect(try String(contentsOfFile: files.keySet, encoding: .utf8) == both)
        }
    }

    @Test(arguments: ["", "garbage", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
    func anUnusableKeyIsReported(content: String) async throws {
        try await withTemporaryDirectory { directory in
            let files = TokenKeyFiles(directory: directory)
            #expect(try files.existingMint(issuer: "https://a", audience: "a") == nil)
            try PrivateFile.write(Array(content.utf8), to: files.key, replacing: false)
            #expect(throws: SigningKey.Failure.self) { try files.existingMint(issuer: "https://a", audience: "a") }
        }
    }

    @Test func theFolderOfANewKeyCanBeEntered() async throws {
        try await withTemporaryDirectory { directory in
            let files = TokenKeyFiles(directory: directory + "/a/tokens")
            try files.write(tokenMint(), replacing: false)
            #expect(try mode(directory + "/a/tokens") == 0o755)
            #expect(try mode(directory + "/a") == 0o755)
        }
    }

    @Test func draftsOfKilledProcessesAreDeleted() async throws {
        try await withTemporaryDirectory { directory in
            let files = TokenKeyFiles(directory: directory)
            // Above the highest process id that Linux assigns.
            let (dead, own) = ("\(files.key).\(1 << 23).7.new", "\(files.key).\(getpid()).7.new")
            for path in [dead, own] { try PrivateFile.write([1], to: path, replacing: false) }
            try files.write(tokenMint(), replacing: false)
            #expect(!FileManager.default.fileExists(atPath: dead))
            #expect(FileManager.default.fileExists(atPath: own), "its process runs")
        }
    }

    @Test(arguments: [0o644, 0o640, 0o604, 0o620]) func aKeyWithOpenPermissionsIsRefused(mode: Int) async throws {
        try await withTemporaryDirectory { directory in
            let files = TokenKeyFiles(directory: directory)
            try files.write(tokenMint(), replacing: false)
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: files.key)
            let failure = #expect(throws: PrivateFile.Failure.self) { try files.tokenMint() }
            #expect(failure == .readableByOthers(path: files.key, mode: UInt32(mode)))
            #expect(failure?.description.contains("chmod 600 '\(files.key)'") == true)
        }
    }

    @Test func withoutTheDetailsTheOptionsAreNeeded() async throws {
        try await withTemporaryDirectory { directory in
            let files = TokenKeyFiles(directory: directory)
            try files.write(tokenMint(), replacing: false)
            try FileManager.default.removeItem(atPath: files.details)
            #expect(throws: TokenKeyFiles.Failure.self) { try files.tokenMint(issuer: "https://other.test") }
            let mint = try files.tokenMint(issuer: "https://other.test", audience: "b")
            #expect(mint.issuer == "https://other.test")
            #expect(mint.audience == "b")
        }
    }

    @Test func theNoteOfAStoppedFleetIsIgnored() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/note.json"
            #expect(try RunningFleetNote.read(from: path) == nil)
            var note = RunningFleetNote(issuer: "http://127.0.0.1:1", url: "http://127.0.0.1:9")
            try note.write(to: path)
            #expect(try mode(path) == 0o600)
            #expect(try RunningFleetNote.read(from: path) == note)
            // Above the highest process id that Linux assigns.
            note.pid = 1 << 23
            try note.write(to: path)
            #expect(try RunningFleetNote.read(from: path) == nil)
        }
    }

    @Test func theNoteOfALaterFleetIsKept() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/note.json"
            let earlier = RunningFleetNote(issuer: "http://127.0.0.1:1", url: "http://127.0.0.1:9")
            let later = RunningFleetNote(issuer: "http://127.0.0.1:2", url: "http://127.0.0.1:9")
            try earlier.write(to: path)
            try later.write(to: path)
            try earlier.remove(from: path)
            #expect(try RunningFleetNote.read(from: path) == later)
            try later.remove(from: path)
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }
}
