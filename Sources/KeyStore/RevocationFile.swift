import Foundation
import OperatingSystem
import SimpleAICore

/// Revocations that could not be written to the database, in a small file that outlives the process.
///
/// The file has several paths, tried in order: a full disk or a read-only folder that prevents writing the database
/// usually prevents writing a file beside it, too. One line for each revocation: the key's id, a space, and the time of
/// the revocation in seconds since 1970. Blocks.
struct RevocationFile: Sendable {
    /// In bytes: more than one line for each of the maximum number of keys.
    private static let maxSize = 1 << 20

    let places: [StoredFile]

    init(paths: [String]) {
        places = paths.map(StoredFile.init(path:))
    }

    /// The revocations of all paths; of two revocations of a key the earlier one. A malformed line is skipped: it was
    /// being written when the disk became full.
    /// - Throws: `KeyStoreError.unusable` for a file that exists and cannot be read, since it may hold revocations.
    func read() throws(KeyStoreError) -> [ExactString: Date] {
        var revocations: [ExactString: Date] = [:]
        for place in places {
            let bytes: [UInt8]?
            do throws(StoredFile.Failure) {
                bytes = try place.read(atMost: Self.maxSize)
            } catch {
                throw .unreadableRevocations(path: place.path, reason: "\(error)")
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
    /// - Throws: `KeyStoreError.notWritten` if none does.
    func write(_ revocations: [ExactString: Date]) throws(KeyStoreError) -> String {
        let lines = revocations.sorted { $0.key < $1.key }.map { id, time in
            "\(id.rawValue) \(Int64(time.timeIntervalSince1970))\n"
        }
        var reasons: [String] = []
        for place in places {
            do throws(StoredFile.Failure) {
                try place.replace(with: Array(lines.joined().utf8), mode: 0o600)
                return place.path
            } catch {
                reasons.append("\(place.path): \(error)")
            }
        }
        throw .notWritten(reason: reasons.joined(separator: "; "))
    }

    /// Removes the files, after the database has all revocations.
    func remove() {
        for place in places { unlink(place.path) }
    }

    private static func revocation(in line: ArraySlice<UInt8>) -> (id: ExactString, time: Date)? {
        let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 2, APIKeyText.isID(parts[0]), (1...12).contains(parts[1].count),
            let seconds = Int64(String(decoding: parts[1], as: UTF8.self)), seconds >= 0
        else { return nil }
        return (ExactString(String(decoding: parts[0], as: UTF8.self)), Date(timeIntervalSince1970: Double(seconds)))
    }
}
