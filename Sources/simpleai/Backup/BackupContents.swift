import Foundation
import Installation
import LocalFleet
import OperatingSystem
import Settings
import SimpleAICore
import Storage

/// The files of an installation, as an archive.
struct BackupContents {
    /// Larger files are no settings, keys or state.
    static let maxFileSize = 1 << 30

    /// The archive, and what is not in it.
    struct Archived {
        var archive: TarArchive
        var manifest: BackupManifest
        /// Files of the gateway that do not exist, such as a database before the first key.
        var missing: [String]
    }

    struct Source {
        let path: String
        let kind: BackupManifest.File.Kind
        var need = Need.optional

        enum Need {
            /// The gateway does not start without it.
            case required
            /// Missing before its first use, or because the backup looks in another place.
            case expected
            case optional
        }
    }

    /// Every file once.
    let sources: [Source]

    init(_ loaded: LoadedSettings) {
        let settings = loaded.settings
        let path = WorkingFolder.absolute(loaded.path)
        let keySets = settings.auth.issuers.compactMap { issuer in
            if case .file(let keySet) = issuer.keys { keySet } else { nil }
        }
        let names = loaded.namedFiles.map(\.path) + [settings.fleet.stateFile, settings.keys.database]
        let folder = WorkingFolder(settings: path, names: names.filter { !$0.isEmpty && !$0.hasPrefix("/") })

        var sources = [Source(path: path, kind: .settings, need: .required)]
        sources += loaded.namedFiles.map {
            Source(path: folder.absolute($0.path), kind: .input, need: .required)
        }
        // The variables that the settings name; the units read them from these files.
        sources += ["simpleai.env", "runner.env"].map {
            Source(path: "\(FilePath.parent(of: path))/\($0)", kind: .input)
        }
        for keySet in keySets {
            let key = TokenKeyFiles(directory: FilePath.parent(of: folder.absolute(keySet)))
            sources += [key.key, key.details].map { Source(path: $0, kind: .keys) }
        }
        if !settings.keys.database.isEmpty {
            let database = folder.absolute(settings.keys.database)
            sources += [
                Source(path: database, kind: .database, need: .expected),
                Source(path: database + ".revocations", kind: .state),
            ]
        }
        let state = folder.absolute(settings.fleet.stateFile)
        sources += [
            Source(path: state, kind: .state, need: .expected), Source(path: state + ".revocations", kind: .state),
            Source(path: RunnerTokenStore.path(stateFile: state), kind: .state),
        ]
        var seen: Set<ExactString> = []
        self.sources = sources.filter { seen.insert(ExactString($0.path)).inserted }
    }

    func archived() throws -> Archived {
        let now = Int64(Date().timeIntervalSince1970)
        var entries: [TarArchive.Entry] = []
        var manifest = BackupManifest(version: SimpleAI.version, created: now, files: [])
        var missing: [String] = []
        for source in sources {
            guard let (content, attributes) = try read(source) else {
                if source.need == .expected { missing.append(source.path) }
                continue
            }
            if let reason = FilePath.fault(of: source.path) {
                throw CommandFailure("\(source.path) cannot be part of a backup: \(reason)")
            }
            let name = "files/\(manifest.files.count + 1)-\(Self.archiveName(source.path))"
            entries.append(.init(name: name, mode: UInt16(attributes.mode), content: content))
            manifest.files.append(
                .init(
                    name: name, kind: source.kind, path: source.path, sha256: ContentDigest.sha256(content),
                    owner: attributes.owner.flatMap(SystemAccounts.user),
                    group: attributes.group.flatMap(SystemAccounts.group)))
        }
        let first = TarArchive.Entry(name: BackupManifest.name, mode: 0o600, content: manifest.encoded)
        return Archived(archive: TarArchive(entries: [first] + entries), manifest: manifest, missing: missing)
    }

    /// Nil if the file does not exist and the gateway starts without it.
    private func read(_ source: Source) throws -> (bytes: [UInt8], attributes: StoredFile.Attributes)? {
        let file = StoredFile(path: source.path)
        do {
            if source.kind != .database {
                if let read = try file.readWithAttributes(atMost: Self.maxFileSize) { return read }
            } else if let attributes = try file.attributes() {
                return (try Self.databaseCopy(source.path), attributes)
            }
        } catch let error as StoredFile.Failure {
            let isClosed = error == .system(SystemError(number: EACCES))
            throw CommandFailure(
                "\(source.path) cannot be read: \(error)\(isClosed ? "; run this command as root" : "")")
        }
        guard source.need == .required else { return nil }
        throw CommandFailure("\(source.path) does not exist, and the settings name it")
    }

    private static func databaseCopy(_ path: String) throws -> [UInt8] {
        let folder = try TemporaryFolder.make(beside: FilePath.parent(of: path))
        defer { try? FileManager.default.removeItem(at: folder) }
        let copy = folder.appendingPathComponent("copy.db").path
        do throws(KeyStoreError) {
            try KeyStore.copy(from: path, to: copy)
        } catch {
            throw CommandFailure("\(error)")
        }
        return Array(try Data(contentsOf: URL(fileURLWithPath: copy)))
    }

    /// The last part of a path, as far as every archiver can write it.
    private static func archiveName(_ path: String) -> String {
        let name = (path as NSString).lastPathComponent.unicodeScalars.map { scalar in
            scalar.isASCII
                && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
                    || "-_.".unicodeScalars.contains(scalar))
                ? Character(scalar) : "_"
        }
        return String(String(name).prefix(60))
    }
}
