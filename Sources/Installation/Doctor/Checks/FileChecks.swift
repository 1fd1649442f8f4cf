import SimpleAICore

/// Files: whether they can be read and written, by whom, and whether there is room.
enum FileChecks {
    private static let minFree = ByteCount.mebibytes(16)
    private static let lowFree = ByteCount.mebibytes(256)
    private static let minFreeFiles = 100

    @Sendable static func findings(in system: SystemDescription) -> [Finding] {
        let gateway = (system.gateway?.files ?? []).flatMap { findings(of: $0, system.gateway?.service?.user) }
        let runner = (system.runner?.files ?? []).flatMap { findings(of: $0, system.runner?.service?.user) }
        let damaged = (system.gateway?.damagedData ?? []).map { data in
            Finding(
                "data.damaged", "\(data.path) cannot be used: \(data.reason)",
                fix: "restore it: simpleai restore BACKUP.tar; without a backup, move it away and restart the gateway")
        }
        return gateway + runner + damaged + space(system)
    }

    private static func findings(of file: SystemDescription.File, _ user: String?) -> [Finding] {
        exposure(of: file) + usability(of: file, user)
    }

    /// Secrets that other users of this machine can read.
    private static func exposure(of file: SystemDescription.File) -> [Finding] {
        guard let access = file.access else { return [] }
        let mode = String(access.mode, radix: 8)
        switch file.purpose {
        case .tokenKey where access.isReadableByOthers:
            return [
                Finding(
                    "files.exposed-key", "\(file.path) has mode \(mode): other users can make tokens with it",
                    fix: "chmod 600 \(file.path)")
            ]
        case .tlsKey, .runnerTokens, .ownToken, .keyDatabase, .settings:
            guard access.isReadableByAll else { return [] }
            return [
                Finding(
                    "files.exposed-secret", .warning,
                    "\(file.path), \(file.purpose.rawValue), has mode \(mode): every user of this machine can read it",
                    fix: "chmod o-rwx \(file.path)")
            ]
        case .tokenKey, .input, .state: return []
        }
    }

    private static func usability(of file: SystemDescription.File, _ user: String?) -> [Finding] {
        let name = user.map { "the user \($0)" } ?? "this user"
        if let access = file.access {
            if !access.isReadable, file.purpose != .tokenKey {
                return [
                    Finding(
                        "files.unreadable", "\(file.path), \(file.purpose.rawValue), cannot be read by \(name)",
                        fix: user.map { "chgrp \($0) \(file.path) && chmod g+r \(file.path)" }
                            ?? "run this command as the user of the service, or make the file readable")
                ]
            }
            if file.isReadOnly, file.purpose.isWritten { return [readOnly(file)] }
            if !access.isWritable, file.purpose.isWritten {
                return [
                    Finding(
                        "files.unwritable",
                        "\(file.path), \(file.purpose.rawValue), belongs to \(access.owner) and cannot be written by \(name)",
                        fix: "chown \(user ?? "$USER") \(file.path)")
                ]
            }
            return []
        }
        if file.purpose.isRequired {
            return [
                Finding(
                    "files.missing", "\(file.path), \(file.purpose.rawValue), does not exist",
                    fix: "create it, or correct its path in the settings")
            ]
        }
        guard file.purpose.isWritten else { return [] }
        if file.isReadOnly { return [readOnly(file)] }
        switch file.folder {
        case .missing:
            return [
                Finding(
                    "files.no-folder", "the folder of \(file.path), \(file.purpose.rawValue), does not exist",
                    fix: "mkdir -p \(file.folderPath)\(user.map { " && chown \($0) \(file.folderPath)" } ?? "")")
            ]
        case .notADirectory:
            return [
                Finding(
                    "files.no-folder",
                    "\(file.folderPath) is not a folder, but \(file.purpose.rawValue) has to be in it",
                    fix: "correct the path in the settings")
            ]
        case .present(let access) where !access.isWritable:
            return [
                Finding(
                    "files.unwritable",
                    "\(file.purpose.rawValue) cannot be created: the folder \(file.folderPath) belongs to \(access.owner) and "
                        + "cannot be written by \(name)",
                    fix: "chown \(user ?? "$USER") \(file.folderPath)")
            ]
        case .present: return []
        }
    }

    private static func readOnly(_ file: SystemDescription.File) -> Finding {
        Finding(
            "files.read-only", "\(file.path), \(file.purpose.rawValue), is on a read-only file system",
            fix: "mount a writable volume there, or set another path in the settings")
    }

    /// One finding per folder: its files share a file system.
    private static func space(_ system: SystemDescription) -> [Finding] {
        let files = (system.gateway?.files ?? []) + (system.runner?.files ?? [])
        var seen: Set<ExactString> = []
        var findings: [Finding] = []
        for file in files where file.purpose.isWritten && seen.insert(ExactString(file.folderPath)).inserted {
            if let free = file.freeSpace, free.bytes < lowFree.bytes {
                let isFull = free.bytes < minFree.bytes
                findings.append(
                    Finding(
                        "disk.space", isFull ? .error : .warning,
                        "the file system of \(file.folderPath) has \(free.bytes >> 20) MiB left",
                        fix: "free space: df -h \(file.folderPath)"))
            }
            if let count = file.freeFiles, count < minFreeFiles {
                findings.append(
                    Finding(
                        "disk.files", "the file system of \(file.folderPath) has room for \(count) files only",
                        fix: "remove files: df -i \(file.folderPath)"))
            }
        }
        return findings
    }
}
