import Foundation
import Installation
import LocalFleet
import OperatingSystem
import Settings
import Storage

/// The files of an installation, as an archive.
struct BackupContents {
    /// Larger files are no settings, keys or state.
    static let maxFileSize = 1 << 30

    private let loaded: LoadedSettings

    init(_ loaded: LoadedSettings) { self.loaded = loaded }

    private struct Source {
        let path: String
        let kind: BackupManifest.File.Kind
    }

    func archive() throws -> TarArchive {
        var entries: [TarArchive.Entry] = []
        var files: [BackupManifest.File] = []
        for source in sources {
            guard let content = try content(of: source) else { continue }
            let name = "files/\(files.count + 1)-\(Self.archiveName(source.path))"
            let mode = (try? FileManager.default.attributesOfItem(atPath: source.path)[.posixPermissions]) as? Int
            entries.append(.init(name: name, mode: UInt16((mode ?? 0o600) & 0o777), content: content))
            files.append(.init(name: name, kind: source.kind, path: source.path, sha256: ContentDigest.sha256(content)))
        }
        let manifest = BackupManifest(
            version: SimpleAI.version, created: Int64(Date().timeIntervalSince1970), files: files)
        return TarArchive(
            entries: [.init(name: BackupManifest.name, mode: 0o600, content: manifest.encoded)] + entries)
    }

    /// Every file once; files that do not exist yet are left out later.
    private var sources: [Source] {
        let settings = loaded.settings
        let state = InstallationPaths.absolute(settings.fleet.stateFile, settingsFile: loaded.path)
        var sources = [Source(path: Self.absolute(loaded.path), kind: .settings)]
        sources += loaded.namedFiles.map {
            Source(path: InstallationPaths.absolute($0.path, settingsFile: loaded.path), kind: .input)
        }
        for issuer in settings.auth.issuers {
            guard case .file(let keySet) = issuer.keys else { continue }
            let folder = (InstallationPaths.absolute(keySet, settingsFile: loaded.path) as NSString)
                .deletingLastPathComponent
            let key = TokenKeyFiles(directory: folder)
            sources += [key.key, key.details].map { Source(path: $0, kind: .keys) }
        }
        if !settings.keys.database.isEmpty {
            let database = InstallationPaths.absolute(settings.keys.database, settingsFile: loaded.path)
            sources += [
                Source(path: database, kind: .database), Source(path: database + ".revocations", kind: .state),
            ]
        }
        sources += [state, state + ".revocations", RunnerTokenStore.path(stateFile: state)].map {
            Source(path: $0, kind: .state)
        }
        var seen: Set<String> = []
        return sources.filter { seen.insert($0.path).inserted }
    }

    /// Nil if the file does not exist, or if this user may not read a key that the gateway does not need.
    private func content(of source: Source) throws -> [UInt8]? {
        guard FileManager.default.fileExists(atPath: source.path) else {
            guard source.kind == .input || source.kind == .settings else { return nil }
            throw CommandFailure("\(source.path) does not exist, and the settings name it")
        }
        guard source.kind != .database else { return try databaseCopy(source.path) }
        do throws(StoredFile.Failure) {
            return try StoredFile(path: source.path).read(atMost: Self.maxFileSize)
        } catch {
            throw CommandFailure("\(source.path) cannot be read: \(error); run this command as root")
        }
    }

    private func databaseCopy(_ path: String) throws -> [UInt8] {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "simpleai-backup-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(at: folder) }
        let copy = folder.appendingPathComponent("copy.db").path
        do throws(KeyStoreError) {
            try KeyStore.copy(from: path, to: copy)
        } catch {
            throw CommandFailure("\(error)")
        }
        return Array(try Data(contentsOf: URL(fileURLWithPath: copy)))
    }

    private static func absolute(_ path: String) -> String {
        URL(fileURLWithPath: path).standardizedFileURL.path
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

/// Paths of an installation.
enum InstallationPaths {
    private static let stateFolder = "/var/lib/simpleai"

    /// The path of a file that settings name: relative ones belong to the working directory of the service if the settings are
    /// the installed ones, otherwise to that of this process.
    static func absolute(_ path: String, settingsFile: String) -> String {
        let isInstalled =
            settingsFile.hasPrefix("/etc/simpleai/") && FileManager.default.fileExists(atPath: stateFolder)
        guard !path.hasPrefix("/"), isInstalled else { return URL(fileURLWithPath: path).standardizedFileURL.path }
        return URL(fileURLWithPath: "\(stateFolder)/\(path)").standardizedFileURL.path
    }
}
