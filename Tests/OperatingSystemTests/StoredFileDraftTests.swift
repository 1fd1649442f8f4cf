import Foundation
import TestSupport
import Testing

@testable import OperatingSystem

/// Real files.
@Suite(.timeLimit(.minutes(1))) struct StoredFileDraftTests {
    @Test func aDraftChangesTheFileOnlyWhenItIsCommitted() throws {
        try inTemporaryDirectory { directory in
            let file = StoredFile(path: directory.path + "/file")
            try file.replace(with: [1], mode: 0o644)
            let discarded = try file.draft([2], .init(mode: 0o600))
            #expect(try file.read(atMost: 1) == [1])
            discarded.discard()
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["file"])
            try file.draft([3], .init(mode: 0o600)).commit()
            #expect(try file.read(atMost: 1) == [3])
            #expect(try file.attributes()?.mode == 0o600, "the draft decides the mode")
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["file"])
        }
    }

    @Test func aDraftOfALinkReplacesItsTarget() throws {
        try inTemporaryDirectory { directory in
            let folder = directory.path
            try StoredFile(path: folder + "/target").replace(with: [1], mode: 0o600)
            symlink("target", folder + "/link")
            let link = StoredFile(path: folder + "/link")
            #expect(try link.readWithAttributes(atMost: 1)?.attributes.mode == 0o600, "not that of the link")
            try link.draft([2], .init(mode: 0o640)).commit()
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/link") == "target")
            #expect(try StoredFile(path: folder + "/target").read(atMost: 1) == [2])
        }
    }

    @Test func onlyRegularFilesAreReplaced() throws {
        try inTemporaryDirectory { directory in
            mkfifo(directory.path + "/pipe", 0o600)
            for (name, kind) in [("", "a directory"), ("/pipe", "a pipe")] {
                let file = StoredFile(path: directory.path + name)
                #expect(throws: StoredFile.Failure.notRegular(kind)) { try file.draft([], .init(mode: 0o600)) }
                #expect(throws: StoredFile.Failure.notRegular(kind)) { try file.attributes() }
                #expect(throws: StoredFile.Failure.notRegular(kind)) { try file.readWithAttributes(atMost: 1) }
            }
            let missing = try StoredFile(path: directory.path + "/none").attributes()
            let below = try StoredFile(path: directory.path + "/pipe/none").readWithAttributes(atMost: 1)
            #expect(missing == nil && below == nil)
        }
    }

    @Test func theStatusOfALinkIsItsOwnOrThatOfItsTarget() throws {
        try inTemporaryDirectory { directory in
            let folder = directory.path
            try StoredFile(path: folder + "/target").replace(with: [1, 2])
            symlink("target", folder + "/link")
            #expect(FileStatus(folder + "/link", followsLinks: false)?.kind == .link)
            let status = FileStatus(folder + "/link", followsLinks: true)
            #expect(status?.kind == .regular && status?.size == 2)
            #expect(status?.identity == FileStatus(folder + "/target", followsLinks: false)?.identity)
            #expect(FileStatus(folder, followsLinks: true)?.kind == .folder)
            #expect(FileStatus(folder + "/none", followsLinks: true) == nil)
        }
    }
}
