import Foundation
import NetworkErrors

/// A key set in a local file.
struct KeyFile: Sendable {
    /// Identifies a version of the file. Includes the resolved path, because mounted secrets are replaced by changing a
    /// symbolic link.
    struct Stamp: Hashable, Sendable {
        let path: String
        let modified: Date?
        let size: Int
    }

    let path: String

    func stamp() throws(KeySourceFault) -> Stamp {
        let resolved = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        let attributes: [FileAttributeKey: Any]
        do {
            attributes = try FileManager.default.attributesOfItem(atPath: resolved)
        } catch {
            throw .unreadableFile(reason: NetworkErrorText.of(error))
        }
        // Reading a pipe would wait for a writer.
        guard attributes[.type] as? FileAttributeType == .typeRegular else {
            throw .unreadableFile(reason: "not a regular file")
        }
        return Stamp(
            path: resolved, modified: attributes[.modificationDate] as? Date,
            size: (attributes[.size] as? NSNumber)?.intValue ?? 0)
    }

    func contents(atMost limit: Int) throws(KeySourceFault) -> [UInt8] {
        let data: Data?
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            data = try file.read(upToCount: limit + 1)
            try file.close()
        } catch {
            throw .unreadableFile(reason: NetworkErrorText.of(error))
        }
        guard let data, !data.isEmpty else { throw .notJSON }
        guard data.count <= limit else { throw .tooLarge }
        return Array(data)
    }
}
