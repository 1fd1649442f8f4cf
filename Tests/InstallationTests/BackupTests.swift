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
}
