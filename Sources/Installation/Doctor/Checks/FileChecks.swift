import SimpleAICore

/// Files: whether they can be read and written, and by whom.
struct FileChecks {
    @Sendable static func findings(in system: SystemDescription) -> [Finding] {
        let damaged = (system.gateway?.damagedData ?? []).map { data in
            Finding(
                "data.damaged", "\(data.path) cannot be used: \(data.reason)",
                fix: "restore it: simpleai restore BACKUP.tar; without a backup, move it away and restart the gateway")
        }
        let gateway = FileChecks(user: system.gateway?.service?.user, self: system.host.user)
        let runner = FileChecks(user: system.runner?.service?.user, self: system.host.user)
        return gateway.findings(of: system.gateway?.files ?? []) + runner.findings(of: system.runner?.files ?? [])
            + damaged
    }

    /// The user of the service; nil for the user who runs this program.
    private let user: String?
    private let userOfDoctor: String?

    private init(user: String?, self own: String?) {
        self.user = user
        userOfDoctor = own
    }

    /// The user who needs the files, in messages.
    private var name: String { user.map { "the user \($0)" } ?? userOfDoctor.map { "the user \($0)" } ?? "this user" }
    /// The same for commands.
    private var userWord: String { user ?? userOfDoctor ?? "$USER" }

    private func findings(of files: [SystemDescription.File]) -> [Finding] {
        files.flatMap { Self.exposure(of: $0) + usability(of: $0) } + Self.openFolders(files)
    }

    /// Files that other users of this machine can change, and secrets that they can read.
    private static func exposure(of file: SystemDescription.File) -> [Finding] {
        guard let access = file.access, file.kind == .regular else { return [] }
        let mode = String(access.mode, radix: 8)
        let path = ShellWord.of(file.path)
        if access.isWritableByAll {
            return [
                Finding(
                    "files.writable-by-all",
                    "\(file.path), \(file.purpose.rawValue), has mode \(mode): every user of this machine can change it",
                    fix: "chmod \(file.purpose.isSecret ? "o-rwx" : "o-w") \(path); check its content first")
            ]
        }
        if file.purpose == .tokenKey, access.isReadableByOthers {
            return [
                Finding(
                    "files.exposed-key", "\(file.path) has mode \(mode): other users can make tokens with it",
                    fix: "chmod 600 \(path)")
            ]
        }
        guard file.purpose.isSecret, access.isReadableByAll else { return [] }
        return [
            Finding(
                "files.exposed-secret", .warning,
                "\(file.path), \(file.purpose.rawValue), has mode \(mode): every user of this machine can read it",
                fix: "chmod o-rwx \(path)")
        ]
    }

    /// Folders in which every user can replace a file; one finding per folder.
    private static func openFolders(_ files: [SystemDescription.File]) -> [Finding] {
        var seen: Set<ExactString> = []
        return files.compactMap { file in
            guard case .present(let access) = file.folder, access.permitsReplacement,
                seen.insert(ExactString(file.folderPath)).inserted
            else { return nil }
            return Finding(
                "files.open-folder",
                "the folder \(file.folderPath) has mode \(String(access.mode, radix: 8)): every user of this machine can replace "
                    + "\(file.path), \(file.purpose.rawValue)",
                fix: "chmod o-w \(ShellWord.of(file.folderPath)); check the files in it")
        }
    }

    private func usability(of file: SystemDescription.File) -> [Finding] {
        let path = ShellWord.of(file.path)
        if let closed = file.closedFolder, file.purpose != .tokenKey {
            return [
                Finding(
                    "files.closed-folder",
                    "\(file.path), \(file.purpose.rawValue), cannot be reached by \(name): the folder \(closed) is closed to it",
                    fix: "chmod o+x \(ShellWord.of(closed)), or move the file to a folder that \(userWord) may enter")
            ]
        }
        if let target = file.danglingTarget {
            return [
                Finding(
                    "files.dangling-link",
                    "\(file.path), \(file.purpose.rawValue), is a link to \(target), which does not exist",
                    fix: "mount or restore \(target), or correct the link")
            ]
        }
        guard let access = file.access else { return absence(of: file) }
        if file.kind == .folder || file.kind == .other && file.purpose.isWritten {
            return [
                Finding(
                    "files.not-a-file",
                    "\(file.path), \(file.purpose.rawValue), is \(file.kind == .folder ? "a folder" : "no regular file")",
                    fix: "move it away, or set another path in the settings")
            ]
        }
        if !access.isReadable, file.purpose != .tokenKey {
            return [
                Finding(
                    "files.unreadable", "\(file.path), \(file.purpose.rawValue), cannot be read by \(name)",
                    fix: user.map { "chgrp \($0) \(path) && chmod g+r \(path)" }
                        ?? "run this command as the user of the service, or make the file readable: chmod u+r \(path)")
            ]
        }
        guard file.purpose.isWritten else { return [] }
        if file.isReadOnly { return [readOnly(file)] }
        guard !access.isWritable else { return [] }
        return [
            unwritable("\(file.path), \(file.purpose.rawValue),", file.path, access)
        ]
    }

    /// A file that does not exist.
    private func absence(of file: SystemDescription.File) -> [Finding] {
        let folder = ShellWord.of(file.folderPath)
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
                    fix: "mkdir -p \(folder)\(user.map { " && chown \($0) \(folder)" } ?? "")")
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
                unwritable(
                    "\(file.purpose.rawValue) cannot be created: the folder \(file.folderPath)", file.folderPath, access
                )
            ]
        case .present: return []
        }
    }

    /// - Parameter subject: begins the message.
    private func unwritable(
        _ subject: String, _ path: String, _ access: SystemDescription.File.Access
    ) -> Finding {
        let word = ShellWord.of(path)
        let message = "\(subject) belongs to \(access.owner) and cannot be written by \(name)"
        guard access.owner.isExactly(userWord) || userWord.isExactly("root") else {
            return Finding("files.unwritable", message, fix: "chown \(userWord) \(word)")
        }
        // Its owner and root are refused for other reasons than the owner's name.
        if access.mode & 0o200 == 0, !userWord.isExactly("root") {
            return Finding("files.unwritable", message, fix: "chmod u+w \(word)")
        }
        return Finding(
            "files.unwritable", "\(subject) cannot be written even by \(name): it is immutable, or mounted read-only",
            fix:
                "lsattr -d \(word) shows `i` for an immutable file: chattr -i \(word); otherwise see findmnt -T \(word)"
        )
    }

    private func readOnly(_ file: SystemDescription.File) -> Finding {
        Finding(
            "files.read-only", "\(file.path), \(file.purpose.rawValue), is on a read-only file system",
            fix: "mount a writable volume there, or set another path in the settings")
    }
}
