import Foundation
import SimpleAICore

/// The list of files in a backup: where each belongs, and its digest. Stored in the archive as its first file.
public struct BackupManifest: Codable, Hashable, Sendable {
    public struct File: Codable, Hashable, Sendable {
        public enum Kind: String, Codable, Hashable, Sendable {
            case settings
            /// A file that the settings name, such as a certificate.
            case input
            case keys
            case database
            case state
        }

        /// The name in the archive.
        public var name: String
        public var kind: Kind
        /// The absolute path that it was read from.
        public var path: String
        public var sha256: String
        /// The names of the user and the group that own it. Numbers differ from machine to machine; nil if they had no name.
        public var owner: String?
        public var group: String?

        public init(
            name: String, kind: Kind, path: String, sha256: String, owner: String? = nil, group: String? = nil
        ) {
            self.name = name
            self.kind = kind
            self.path = path
            self.sha256 = sha256
            self.owner = owner
            self.group = group
        }
    }

    public static let name = "manifest.json"
    public static let currentFormat = 1

    public var format: Int
    /// The version of the program that wrote it.
    public var version: String
    /// Seconds since 1970.
    public var created: Int64
    public var files: [File]

    public init(version: String, created: Int64, files: [File]) {
        format = Self.currentFormat
        self.version = version
        self.created = created
        self.files = files
    }

    public enum Fault: Error, Hashable, Sendable, CustomStringConvertible {
        case noManifest
        case newer(version: String)
        case missingFile(String)
        case changedFile(String)
        case unlistedFile(String)
        case duplicate(String)
        case unusablePath(String, reason: String)

        public var description: String {
            switch self {
            case .noManifest: "it is not a backup of SimpleAI: it contains no manifest"
            case .newer(let version): "version \(version) wrote it; upgrade this program first"
            case .missingFile(let name): "\(name) is missing"
            case .changedFile(let name): "\(name) differs from its digest"
            case .unlistedFile(let name): "\(name) is not in the manifest"
            case .duplicate(let name): "it contains \(name) twice"
            case .unusablePath(let path, let reason): "the path \"\(path)\" cannot be restored: \(reason)"
            }
        }
    }

    /// The manifest of an archive whose files all agree with it.
    /// - Parameter digest: SHA-256 in hexadecimal.
    public init(verifying archive: TarArchive, digest: ([UInt8]) -> String) throws(Fault) {
        guard let first = archive.entries.first, first.name == Self.name,
            let manifest = try? JSONDecoder().decode(Self.self, from: Data(first.content))
        else { throw .noManifest }
        guard manifest.format == Self.currentFormat else { throw .newer(version: manifest.version) }
        var entries: [ExactString: TarArchive.Entry] = [:]
        for entry in archive.entries.dropFirst() {
            guard entries.updateValue(entry, forKey: ExactString(entry.name)) == nil else {
                throw .duplicate(entry.name)
            }
        }
        try Self.check(manifest.files.map(\.path))
        for file in manifest.files {
            // Each entry is the content of one file.
            guard let entry = entries.removeValue(forKey: ExactString(file.name)) else { throw .missingFile(file.name) }
            guard digest(entry.content) == file.sha256 else { throw .changedFile(file.name) }
        }
        if let other = archive.entries.dropFirst().first(where: { entries[ExactString($0.name)] != nil }) {
            throw .unlistedFile(other.name)
        }
        self = manifest
    }

    /// Every path has a file of its own, and none is the folder of another.
    private static func check(_ paths: [String]) throws(Fault) {
        var files: Set<ExactString> = []
        for path in paths {
            if let reason = FilePath.fault(of: path) { throw .unusablePath(path, reason: reason) }
            guard files.insert(ExactString(path)).inserted else { throw .duplicate(path) }
        }
        for path in paths {
            var folder = FilePath.parent(of: path)
            while folder != "/" {
                guard !files.contains(ExactString(folder)) else {
                    throw .unusablePath(path, reason: "the archive contains its folder as a file")
                }
                folder = FilePath.parent(of: folder)
            }
        }
    }

    public var encoded: [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        // Strings and integers always encode.
        return Array((try? encoder.encode(self)) ?? Data()) + [UInt8(ascii: "\n")]
    }
}
