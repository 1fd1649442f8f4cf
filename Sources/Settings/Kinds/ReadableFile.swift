import Foundation
import OperatingSystem
import SimpleAICore

/// Files that settings name. Paths are relative to the working directory, like all paths on the command line.
enum ReadableFile {
    static func check(_ path: String) throws(SettingsMismatch) {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw missing(path)
        }
        guard !isDirectory.boolValue else {
            throw .init("\(quoted(path)) is a directory; use the path of a file")
        }
        guard FileManager.default.isReadableFile(atPath: path) else {
            throw .init("\(quoted(path)) is not readable; change its owner or mode")
        }
    }

    /// The mode of a file that every user of this machine can read, in octal; nil for any other file.
    static func modeIfWorldReadable(_ path: String) -> String? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_mode & S_IROTH != 0 else {
            return nil
        }
        return String(status.st_mode & 0o777, radix: 8)
    }

    /// The complete content of a file or pipe.
    static func contents(of path: String, atMost limit: ByteCount = .mebibytes(1)) throws(SettingsMismatch) -> [UInt8] {
        do throws(OperatorFile.Failure) {
            return try OperatorFile.contents(of: path, atMost: limit.bytes)
        } catch {
            switch error {
            case .missing: throw missing(path)
            case .directory: throw .init("\(quoted(path)) is a directory; use the path of a file")
            case .tooLarge: throw .init("\(quoted(path)) exceeds \(limit); use another file")
            case .noWriter:
                throw .init(
                    "\(quoted(path)) is a pipe that no program writes to, or that was read before; use a regular file")
            case .system(let error):
                throw .init("\(quoted(path)) cannot be read: \(error); change its owner or mode, or fix the path")
            }
        }
    }

    /// A leading `~` is a shell's abbreviation, which settings do not expand.
    private static func missing(_ path: String) -> SettingsMismatch {
        let advice = path.hasPrefix("~/") ? "write ${HOME} instead of ~" : "create it or fix the path"
        return .init("file \(quoted(path)) does not exist; \(advice)")
    }
}

/// A file that contains only one secret, as container platforms mount it.
enum SecretFile {
    static func contents(of path: String) throws(SettingsMismatch) -> String {
        let bytes = try ReadableFile.contents(of: path)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .init("\(quoted(path)) is not UTF-8; write the secret as text")
        }
        // Editors end a file with a newline, which is not part of the secret.
        let secret = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !secret.isEmpty else { throw .init("\(quoted(path)) is empty; write the secret into it") }
        return secret
    }
}
