import Foundation
import OperatingSystem
import SimpleAICore

/// Revocations that the database could not take, in a small file until it can: so they outlive the process.
///
/// The file has several places, tried in order, because what keeps the database from being written (a full disk, a folder
/// that may only be read) mostly keeps a file beside it from being written, too. One line for each revocation: the key's
/// id, a space, and the second since 1970 in which it was revoked. Blocks.
struct RevocationFile: Sendable {
    /// In bytes: more than a line for every key that there can be.
    private static let maxSize = 1 << 20

    let places: [StoredFile]

    init(paths: [String]) {
        places = paths.map(StoredFile.init(path:))
    }

    /// What is kept in all places together; of a key that is there twice, the earlier revocation. What cannot be read as a
    /// revocation is left out: it was being written when the disk filled up.
    /// - Throws: `KeyStoreError.unusable` for a file that is there and cannot be read, since it may hold revocations.
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

    /// Keeps them in the first place that takes them, instead of whatever it held.
    /// - Returns: the place.
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

    /// The database has them all.
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
