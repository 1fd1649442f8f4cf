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

    /// Writes the text; a file that a person wrote is kept under another name.
    /// - Parameter group: the group that may read it, if it exists on this system.
    /// - Returns: the path of the kept file.
    func write(_ text: String, group: String) throws -> String? {
        var kept: String?
        if try existing() != .replaceable {
            let copy = "\(path).before-setup-\(Int(Date().timeIntervalSince1970))"
            guard rename(path, copy) == 0 else {
                throw CommandFailure("\(path) cannot be renamed: \(String(cString: strerror(errno)))")
            }
            kept = copy
        }
        do throws(StoredFile.Failure) {
            try StoredFile(path: path).replace(with: Array(text.utf8), mode: 0o640)
        } catch {
            throw CommandFailure("\(path) cannot be written: \(error)")
        }
        // Only root can do this, and a user's own installation does not need it.
        if let entry = getgrnam(group) { _ = chown(path, uid_t.max, entry.pointee.gr_gid) }
        return kept
    }
}
