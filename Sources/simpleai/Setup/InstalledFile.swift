import Foundation
import Installation
import OperatingSystem

#if canImport(Glibc)
import Glibc
#endif

/// A settings file that setup writes.
struct InstalledFile {
    let path: String
    let template: String
    let firstLine: String

    static func gateway(in directory: String) -> InstalledFile {
        InstalledFile(
            path: "\(directory)/simpleai.yaml", template: GatewayProposal.templateLine,
            firstLine: GatewayProposal.firstLine)
    }

    static func runner(in directory: String) -> InstalledFile {
        InstalledFile(
            path: "\(directory)/runner.yaml", template: RunnerProposal.templateLine,
            firstLine: RunnerProposal.firstLine)
    }

    private static let maxSize = 4 << 20

    /// What may be done with the file that exists.
    func existing() throws -> ExistingSettings {
        do throws(StoredFile.Failure) {
            let bytes = try StoredFile(path: path).read(atMost: Self.maxSize)
            return ExistingSettings(
                content: bytes.map { String(decoding: $0, as: UTF8.self) }, template: template, ownFirstLine: firstLine)
        } catch {
            throw CommandFailure("\(path) cannot be read: \(error)")
        }
    }

    /// Writes the text; a file that a person wrote, or edited, is kept under another name, and stays in place until the new one
    /// is complete.
    /// - Parameter group: the group that may read it, if it exists on this system.
    /// - Returns: the path of the copy.
    func write(_ text: String, group: String) throws -> String? {
        let file = StoredFile(path: path)
        file.removeAbandonedDrafts()
        do throws(StoredFile.Failure) {
            let isKept = existingState != .replaceable
            let copy = try isKept ? file.keepCopy(suffix: Self.copySuffix, atMost: Self.maxSize) : nil
            try file.install(Array(text.utf8), mode: 0o640, group: getgrnam(group).map { $0.pointee.gr_gid })
            return copy
        } catch {
            throw CommandFailure("\(path) cannot be written: \(error)")
        }
    }

    /// Of the copies that setup keeps.
    static let copySuffix = "before-setup"

    /// An unreadable file is kept.
    private var existingState: ExistingSettings { (try? existing()) ?? .foreign }
}
