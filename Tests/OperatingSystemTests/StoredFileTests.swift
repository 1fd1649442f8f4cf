import Foundation
import TestSupport
import Testing

@testable import OperatingSystem

/// Real files.
@Suite(.timeLimit(.minutes(1))) struct StoredFileTests {
    private func names(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    @Test func contentIsReplacedInOneStepAndLeavesNothingElse() throws {
        try inTemporaryDirectory { directory in
            let folder = directory.path
            let file = StoredFile(path: folder + "/file")
            #expect(try file.read(atMost: 10) == nil)
            try file.replace(with: [1, 2, 3], mode: 0o600)
            #expect(try file.read(atMost: 3) == [1, 2, 3])
            chmod(file.path, 0o640)
            try file.replace(with: [])
            #expect(try file.read(atMost: 0) == [])
            let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
            #expect(mode == 0o640, "a file keeps its mode")
            #expect(try names(in: folder) == ["file"])
        }
    }

    @Test func copiesKeepTheContentAndNeverReplaceAnEarlierOne() throws {
        try inTemporaryDirectory { directory in
            let folder = directory.path
            let file = StoredFile(path: folder + "/file")
            #expect(try file.keepCopy(suffix: "before", atMost: 10) == nil)
            for (content, name) in [(1, "file.before"), (2, "file.before-2"), (3, "file.before-3")] as [(UInt8, String)]
            {
                try file.replace(with: [content], mode: 0o640)
                #expect(try file.keepCopy(suffix: "before", atMost: 10) == "\(folder)/\(name)")
                #expect(try file.read(atMost: 1) == [content], "the file stays in place")
            }
            try file.replace(with: [9])
            #expect(try StoredFile(path: folder + "/file.before").read(atMost: 1) == [1])
            #expect(try StoredFile(path: folder + "/file.before-3").read(atMost: 1) == [3])
        }
    }

    @Test func aCopyOfALinkHasTheContentOfItsTarget() throws {
        try inTemporaryDirectory { directory in
            let folder = directory.path
            try StoredFile(path: folder + "/target").replace(with: [1])
            symlink("target", folder + "/link")
            let link = StoredFile(path: folder + "/link")
            #expect(try link.keepCopy(suffix: "before", atMost: 10) == folder + "/link.before")
            try link.replace(with: [2])
            #expect(try StoredFile(path: folder + "/link.before").read(atMost: 1) == [1])
        }
    }

    @Test func onlyRegularFilesAreCopied() throws {
        try inTemporaryDirectory { directory in
            _ = #expect(throws: StoredFile.Failure.notRegular("a directory")) {
                try StoredFile(path: directory.path).keepCopy(suffix: "before", atMost: 10)
            }
        }
    }

    @Test func anInstalledFileHasTheGivenModeAndItsFormerContentStaysInTheCopy() throws {
        try inTemporaryDirectory { directory in
            let file = StoredFile(path: directory.path + "/file")
            try file.replace(with: [1], mode: 0o666)
            chmod(file.path, 0o666)
            let copy = try #require(try file.keepCopy(suffix: "old", atMost: 10))
            // Only root may choose a group of which it is no member.
            let group: UInt32? = geteuid() == 0 ? 65_534 : nil
            try file.install([2], mode: 0o640, group: group)
            var status = stat()
            #expect(stat(file.path, &status) == 0 && status.st_mode & 0o7777 == 0o640)
            if let group { #expect(status.st_gid == group) }
            #expect(try file.read(atMost: 1) == [2])
            #expect(try StoredFile(path: copy).read(atMost: 1) == [1])
            #expect(try names(in: directory.path) == ["file", "file.old"])
        }
    }

    @Test func installingFollowsALinkAndRefusesWhatIsNoFile() throws {
        try inTemporaryDirectory { directory in
            let folder = directory.path
            try StoredFile(path: folder + "/target").replace(with: [1])
            symlink("target", folder + "/link")
            try StoredFile(path: folder + "/link").install([2], mode: 0o600, group: nil)
            #expect(try StoredFile(path: folder + "/target").read(atMost: 1) == [2])
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/link") == "target")
            mkfifo(folder + "/pipe", 0o600)
            _ = #expect(throws: StoredFile.Failure.notRegular("a pipe")) {
                try StoredFile(path: folder + "/pipe").install([1], mode: 0o600, group: nil)
            }
            #expect(try names(in: folder) == ["link", "pipe", "target"])
        }
    }

    @Test func onlyDraftsOfEndedProcessesAreDeleted() throws {
        try inTemporaryDirectory { directory in
            let folder = directory.path
            let dead = 1 << 23
            let kept = [
                "file", "file.\(getpid()).1.new", "file.\(dead).x.new", "file.\(dead).1.old", "other.\(dead).1.new",
            ]
            for name in kept + ["file.\(dead).1.new"] { try StoredFile(path: "\(folder)/\(name)").replace(with: []) }
            StoredFile(path: folder + "/file").removeAbandonedDrafts()
            #expect(try names(in: folder) == kept.sorted())
        }
    }

    @Test func foldersAreMadeWithTheirModesAndExistingOnesStay() throws {
        try inTemporaryDirectory { directory in
            let path = directory.path + "/a/b"
            #expect(try StoredFolder(path: path).create(mode: 0o700, parentMode: 0o750))
            func mode(_ path: String) throws -> Int? {
                try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            }
            #expect(try mode(path) == 0o700 && mode(directory.path + "/a") == 0o750)
            #expect(try !StoredFolder(path: path + "/").create(mode: 0o777))
            #expect(try mode(path) == 0o700)
            try StoredFile(path: path + "/file").replace(with: [])
            for path in [path + "/file", path + "/file/c"] {
                #expect(throws: SystemError(number: ENOTDIR)) { try StoredFolder(path: path).create(mode: 0o700) }
            }
        }
    }

    @Test func replacesTheTargetOfALink() throws {
        try inTemporaryDirectory { directory in
            let folder = directory.path
            try FileManager.default.createDirectory(atPath: folder + "/disk", withIntermediateDirectories: false)
            // Two links, the second of them relative, to a file that does not exist yet.
            try FileManager.default.createSymbolicLink(atPath: folder + "/a", withDestinationPath: folder + "/b")
            try FileManager.default.createSymbolicLink(atPath: folder + "/b", withDestinationPath: "disk/file")
            let file = StoredFile(path: folder + "/a")
            #expect(try file.read(atMost: 10) == nil)
            for content: [UInt8] in [[1], [2, 2]] {
                try file.replace(with: content)
                #expect(try StoredFile(path: folder + "/disk/file").read(atMost: 10) == content)
            }
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/a") == folder + "/b")
            #expect(try names(in: folder) == ["a", "b", "disk"])
            _ = try file.setAside(suffix: "x")
            #expect(try names(in: folder + "/disk") == ["file.broken-x"])
        }
    }

    @Test func linksInACircleAreAnError() throws {
        try inTemporaryDirectory { directory in
            let folder = directory.path
            try FileManager.default.createSymbolicLink(atPath: folder + "/a", withDestinationPath: "a")
            #expect(throws: StoredFile.Failure.system(SystemError(number: ELOOP))) {
                try StoredFile(path: folder + "/a").replace(with: [1])
            }
        }
    }

    @Test func refusesFilesThatAreNotRegular() throws {
        try inTemporaryDirectory { directory in
            let folder = directory.path
            mkfifo(folder + "/pipe", 0o600)
            for (path, kind) in [(folder, "a directory"), (folder + "/pipe", "a pipe"), ("/dev/null", "a device")] {
                let file = StoredFile(path: path)
                #expect(throws: StoredFile.Failure.notRegular(kind)) { try file.read(atMost: 10) }
                #expect(throws: StoredFile.Failure.notRegular(kind)) { try file.replace(with: [1]) }
                #expect(throws: StoredFile.Failure.notRegular(kind)) { try file.setAside(suffix: "x") }
            }
            let left = try names(in: folder)
            #expect(left == ["pipe"])
        }
    }

    @Test func aLargeFileIsNotRead() throws {
        try inTemporaryDirectory { directory in
            let folder = directory.path
            let file = StoredFile(path: folder + "/file")
            try file.replace(with: [1, 2, 3])
            #expect(throws: StoredFile.Failure.tooLarge(limit: 2)) { try file.read(atMost: 2) }
        }
    }

    @Test func keepsTheNewestFilesSetAside() throws {
        try inTemporaryDirectory { directory in
            let folder = directory.path
            let file = StoredFile(path: folder + "/file")
            for number in 1...5 {
                try file.replace(with: [UInt8(number)])
                #expect(try file.setAside(suffix: "\(number)", maxKept: 3) == folder + "/file.broken-\(number)")
            }
            #expect(try names(in: folder) == ["file.broken-3", "file.broken-4", "file.broken-5"])
        }
    }

    @Test func aFullDiskLeavesTheOldContent() throws {
        // Writing there fails like on a full disk, at the first byte.
        #expect(throws: SystemError(number: ENOSPC)) {
            let descriptor = open("/dev/full", O_WRONLY)
            defer { close(descriptor) }
            try DescriptorWriter.write([1], to: descriptor)
        }
        // Like a disk whose quota is used up: the temporary file cannot be written completely.
        try inTemporaryDirectory { directory in
            let folder = directory.path
            let file = StoredFile(path: folder + "/file")
            try file.replace(with: [1, 2, 3])
            var old = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &old)
            var small = old
            small.rlim_cur = 1_000
            let handler = signal(SIGXFSZ, SIG_IGN)
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &small)
            defer {
                setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &old)
                signal(SIGXFSZ, handler)
            }
            #expect(throws: StoredFile.Failure.system(SystemError(number: EFBIG))) {
                try file.replace(with: [UInt8](repeating: 7, count: 100_000))
            }
            #expect(try file.read(atMost: 10) == [1, 2, 3])
            #expect(try names(in: folder) == ["file"])
        }
    }
}
