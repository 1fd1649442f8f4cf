import SimpleAICore
import Testing

@testable import Installation

@Suite struct BackupTests {
    private static let entries = [
        TarArchive.Entry(name: "manifest.json", mode: 0o600, content: Array("{}".utf8)),
        TarArchive.Entry(name: "files/a.yaml", mode: 0o640, content: []),
        TarArchive.Entry(name: "files/b", mode: 0o600, content: [UInt8](repeating: 7, count: 512)),
        TarArchive.Entry(name: "files/c", mode: 0o600, content: [UInt8](repeating: 9, count: 1_025)),
    ]

    @Test func `an archive contains what was put into it`() throws {
        let bytes = TarArchive(entries: Self.entries).encoded(time: 1_790_000_000)
        #expect(bytes.count % 512 == 0)
        #expect(try TarArchive(decoding: bytes).entries == Self.entries)
        #expect(bytes == TarArchive(entries: Self.entries).encoded(time: 1_790_000_000))
    }

    @Test func `every truncation is noticed`() {
        let bytes = TarArchive(entries: Self.entries).encoded(time: 0)
        for length in stride(from: 0, to: bytes.count - 1_024, by: 128) {
            #expect(throws: TarArchive.Fault.self, "\(length)") { try TarArchive(decoding: Array(bytes[..<length])) }
        }
    }

    @Test func `every changed byte of a header is noticed`() {
        let bytes = TarArchive(entries: Self.entries).encoded(time: 0)
        for index in 0..<345 {
            var changed = bytes
            changed[index] ^= 0x10
            let entries = try? TarArchive(decoding: changed).entries
            #expect(entries != Self.entries || (148..<156).contains(index), "byte \(index)")
        }
    }

    @Test(arguments: ["../etc/passwd", "/etc/passwd", "a/../../b", "a//b", ""])
    func `names that lead out of the folder are refused`(name: String) {
        let bytes = TarArchive(entries: [.init(name: name, mode: 0o600, content: [])]).encoded(time: 0)
        #expect(throws: TarArchive.Fault.unsafeName(name)) { try TarArchive(decoding: bytes) }
    }

    // MARK: The manifest

    private static func digest(_ bytes: [UInt8]) -> String {
        "\(bytes.count)-\(bytes.reduce(0) { $0 &* 31 &+ Int($1) })"
    }

    private static func archive(
        _ change: (inout [TarArchive.Entry]) -> Void = { _ in }
    ) -> TarArchive {
        let files = [TarArchive.Entry(name: "files/a", mode: 0o600, content: [1, 2, 3])]
        let manifest = BackupManifest(
            version: "1.0.0", created: 5,
            files: files.map { .init(name: $0.name, kind: .settings, path: "/etc/a", sha256: digest($0.content)) })
        var entries = [TarArchive.Entry(name: BackupManifest.name, mode: 0o600, content: manifest.encoded)] + files
        change(&entries)
        return TarArchive(entries: entries)
    }

    @Test func `an archive that agrees with its manifest is accepted`() throws {
        let manifest = try BackupManifest(verifying: Self.archive(), digest: Self.digest)
        #expect(manifest.files.map(\.path) == ["/etc/a"])
        #expect(manifest.version == "1.0.0")
    }

    @Test func `an archive that disagrees with its manifest is refused`() {
        func fault(_ change: (inout [TarArchive.Entry]) -> Void) -> BackupManifest.Fault? {
            do throws(BackupManifest.Fault) {
                _ = try BackupManifest(verifying: Self.archive(change), digest: Self.digest)
                return nil
            } catch {
                return error
            }
        }
        #expect(fault { $0[1].content[0] = 9 } == .changedFile("files/a"))
        #expect(fault { $0.remove(at: 1) } == .missingFile("files/a"))
        #expect(fault { $0.append(.init(name: "files/x", mode: 0o600, content: [])) } == .unlistedFile("files/x"))
        #expect(fault { $0.remove(at: 0) } == .noManifest)
        #expect(fault { $0[0].content = Array("{}".utf8) } == .noManifest)
        #expect(
            fault { entries in
                let text = String(decoding: entries[0].content, as: UTF8.self)
                entries[0].content = Array(text.replacing("\"format\" : 1", with: "\"format\" : 2").utf8)
            } == .newer(version: "1.0.0"))
    }

    // MARK: Paths

    private static func fault(paths: [String]) -> BackupManifest.Fault? {
        let entries = paths.indices.map { TarArchive.Entry(name: "files/\($0)", mode: 0o600, content: []) }
        let files = zip(entries, paths).map { entry, path in
            BackupManifest.File(name: entry.name, kind: .state, path: path, sha256: digest([]))
        }
        let manifest = BackupManifest(version: "1.0.0", created: 5, files: files)
        let first = TarArchive.Entry(name: BackupManifest.name, mode: 0o600, content: manifest.encoded)
        do throws(BackupManifest.Fault) {
            _ = try BackupManifest(verifying: TarArchive(entries: [first] + entries), digest: digest)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        "", "/", "//", "relative/path", "./a", "/a/../b", "/../a", "/a/./b", "/a//b", "/a/", "/a\u{0}b", "/a\u{1B}[2J",
        "/a\nb",
        "/a\u{2028}b", "/dev/null", "/proc/1/mem", "/sys/power/state", "/" + String(repeating: "a", count: 4_095),
    ])
    func `a path that shows another place than it means is refused`(path: String) {
        guard case .unusablePath(path, _) = Self.fault(paths: ["/etc/simpleai/simpleai.yaml", path]) else {
            Issue.record("\(path.debugDescription) is accepted")
            return
        }
    }

    @Test func `every path has one file, and none is the folder of another`() {
        #expect(Self.fault(paths: ["/etc/a", "/etc/b", "/devices/a", "/etc/…/ä b"]) == nil)
        #expect(Self.fault(paths: ["/etc/a", "/etc/a"]) == .duplicate("/etc/a"))
        // Two spellings of one letter are two files.
        #expect(Self.fault(paths: ["/etc/\u{E9}", "/etc/e\u{301}"]) == nil)
        for paths in [["/etc/a", "/etc/a/b/c"], ["/etc/a/b/c", "/etc/a"]] {
            guard case .unusablePath("/etc/a/b/c", _) = Self.fault(paths: paths) else {
                Issue.record("\(paths) are accepted")
                return
            }
        }
    }

    @Test func `an archive with two entries of one name is refused`() {
        let archive = Self.archive { $0.append($0[1]) }
        #expect(throws: BackupManifest.Fault.duplicate("files/a")) {
            try BackupManifest(verifying: archive, digest: Self.digest)
        }
    }

    @Test(arguments: [
        ("/a/b", "/x", "/a/b"), ("a", "/x/y", "/x/y/a"), ("./a", "/x", "/x/a"), ("../a", "/x/y", "/x/a"),
        ("../../../a", "/x", "/a"), ("/a//b/./c/../d/", "/", "/a/b/d"), ("/", "/x", "/"), (".", "/x", "/x"),
    ])
    func `a path becomes absolute`(path: String, folder: String, expected: String) {
        #expect(FilePath.absolute(path, in: folder) == expected)
    }

    @Test func `links lead to no place outside the root`() {
        let links: [String: String] = [
            "/r/var": "/elsewhere", "/r/up": "../../../etc", "/r/loop": "loop", "/r/elsewhere/x": "y/z",
            "/r/top": "/",
        ]
        let cases = [
            ("/a/b", "/r/a/b"), ("/var/x", "/r/elsewhere/y/z"), ("/up/shadow", "/r/etc/shadow"),
            ("/../../a", "/r/a"), ("/top/var/q", "/r/elsewhere/q"), ("/loop/a", nil),
        ]
        for (path, expected) in cases {
            #expect(FilePath.resolve(path, below: "/r") { links[$0] } == expected, "\(path)")
        }
        #expect(FilePath.resolve("/var/x", below: "/") { ["/var": "elsewhere"][$0] } == "/elsewhere/x")
    }

    // MARK: Permissions

    @Test func `restored files get at most the permissions that their kind needs`() {
        func permissions(_ kind: BackupManifest.File.Kind, _ recorded: UInt16) -> UInt16 {
            BackupManifest.File(name: "", kind: kind, path: "", sha256: "").permissions(recorded: recorded)
        }
        for (kind, recorded, expected) in [
            (.database, 0o777, 0o600), (.database, 0o644, 0o600), (.state, 0o640, 0o600), (.keys, 0o777, 0o640),
            (.keys, 0o600, 0o600), (.settings, 0o640, 0o640), (.settings, 0o600, 0o600), (.settings, 0o644, 0o644),
            // The permissions of a link, from which nothing follows.
            (.settings, 0o777, 0o640), (.input, 0o777, 0o640), (.input, 0o755, 0o644), (.input, 0o400, 0o400),
            (.input, 0o000, 0o400), (.input, 0o666, 0o640),
        ] as [(BackupManifest.File.Kind, UInt16, UInt16)] {
            #expect(permissions(kind, recorded) == expected, "\(kind) \(String(recorded, radix: 8))")
        }
    }

    @Test func `folders of state belong to the gateway`() {
        func file(_ kind: BackupManifest.File.Kind, _ path: String) -> BackupManifest.File {
            .init(name: path, kind: kind, path: path, sha256: "", owner: "simpleai", group: "simpleai")
        }
        let database = file(.database, "/var/lib/simpleai/simpleai.db")
        let own = file(.state, "/srv/me/state.json")
        let files = [
            file(.settings, "/etc/simpleai/simpleai.yaml"), database, file(.state, "/var/lib/simpleai/state"),
            file(.settings, "/srv/me/simpleai.yaml"), own,
        ]
        let folders = BackupManifest(version: "", created: 0, files: files).folders
        #expect(
            folders == [
                ExactString("/etc/simpleai"): .init(permissions: 0o755, owner: nil),
                ExactString("/var/lib/simpleai"): .init(permissions: 0o700, owner: database),
                ExactString("/srv/me"): .init(permissions: 0o755, owner: own),
            ])
    }

    @Test func `a manifest without owners is accepted`() throws {
        let archive = Self.archive { entries in
            let text = String(decoding: entries[0].content, as: UTF8.self)
            #expect(!text.contains("owner"))
        }
        let manifest = try BackupManifest(verifying: archive, digest: Self.digest)
        #expect(manifest.files.allSatisfy { $0.owner == nil && $0.group == nil })
    }
}
