import Foundation
import TestSupport
import Testing

@testable import OperatingSystem

@Suite(.timeLimit(.minutes(1))) struct FolderLockTests {
    @Test func sharedLocksExcludeAnExclusiveOneUntilTheyEnd() throws {
        try inTemporaryDirectory { directory in
            let folder = directory.path
            var shared = [try FolderLock(folder: folder, .shared), try FolderLock(folder: folder, .shared)]
            while !shared.isEmpty {
                #expect(throws: FolderLock.Failure.held) { try FolderLock(folder: folder, .exclusive) }
                shared.removeLast()
            }
            let exclusive = try FolderLock(folder: folder, .exclusive)
            withExtendedLifetime(exclusive) {
                #expect(throws: FolderLock.Failure.held) { try FolderLock(folder: folder, .shared) }
                #expect(throws: FolderLock.Failure.held) { try FolderLock(folder: folder, .exclusive) }
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty, "a lock leaves no file")
        }
    }

    @Test func onlyFoldersAreLocked() throws {
        try inTemporaryDirectory { directory in
            let path = directory.path + "/file"
            #expect(throws: FolderLock.Failure.unavailable(SystemError(number: ENOENT))) {
                try FolderLock(folder: path, .shared)
            }
            try StoredFile(path: path).replace(with: [])
            #expect(throws: FolderLock.Failure.unavailable(SystemError(number: ENOTDIR))) {
                try FolderLock(folder: path, .shared)
            }
        }
    }
}
