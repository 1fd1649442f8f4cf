import Foundation
import OperatingSystem
import SimpleAICore

/// A small file that keeps revocations across restarts while they cannot be written to the database.
///
/// Several paths are tried in order: a full disk or a read-only directory that prevents writing the database usually prevents
/// writing a file next to it, too. Each line contains a key's id, a space, and the time of the revocation in seconds since
/// 1970. Methods block.
struct RevocationFile: Sendable {
    /// In bytes: more than one line for each of the maximum number of keys.
    private static let maxSize = 1 << 20

    let files: [StoredFile]

    init(paths: [String]) {
        files = paths.map(StoredFile.init(path:))
    }

    /// The revocations in the files at all paths; of two revocations of a key the earlier one. A malformed line is skipped:
    /// it was being written when the disk became full.
    /// - Throws: `KeyStoreError.unreadableRevocations` if a file exists and cannot be read, since it may contain revocations.
    func read() throws(KeyStoreError) -> [ExactString: Date] {
        var revocations: [ExactString: Date] = [:]
        for file in files {
            let bytes: [UInt8]?
            do throws(StoredFile.Failure) {
                bytes = try file.read(atMost: Self.maxSize)
            } catch {
                throw .unreadableRevocations(path: file.path, reason: "\(error)")
            }
            for line in (bytes ?? []).split(separator: UInt8(ascii: "\n")) {
                guard let (id, time) = Self.revocation(in: line) else { continue }
                revocations[id] = min(time, revocations[id] ?? time)
            }
        }
        return revocations
    }

    /// Replaces the content of the first path that can be written.
    /// - Returns: the path.
    /// - Throws: `KeyStoreError.notWritten` if no path can be written.
    func write(_ revocations: [ExactString: Date]) throws(KeyStoreError) -> String {
        let lines = revocations.sorted { $0.key < $1.key }.map { id, time in
            "\(id.rawValue) \(Int64(time.timeIntervalSince1970))\n"
        }
        var reasons: [String] = []
        for file in files {
            do throws(StoredFile.Failure) {
                try file.replace(with: Array(lines.joined().utf8), mode: 0o600)
                return file.path
            } catch {
                reasons.append("\(file.path): \(error)")
            }
        }
        throw .notWritten(reason: reasons.joined(separator: "; "))
    }

    /// Removes the files, once the database contains all revocations.
    func remove() {
        for file in files { unlink(file.path) }
    }

    private static func revocation(in line: ArraySlice<UInt8>) -> (id: ExactString, time: Date)? {
        let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 2, APIKeyText.isID(parts[0]), (1...12).contains(parts[1].count),
            let seconds = Int64(String(decoding: parts[1], as: UTF8.self)), seconds >= 0
        else { return nil }
        return (ExactString(String(decoding: parts[0], as: UTF8.self)), Date(timeIntervalSince1970: Double(seconds)))
    }
}
