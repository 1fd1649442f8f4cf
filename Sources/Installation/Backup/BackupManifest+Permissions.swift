public import SimpleAICore

extension BackupManifest.File {
    /// The permissions of the restored file: at most those that files of its kind need, whatever the archive records.
    /// - Parameter recorded: nine bits.
    public func permissions(recorded: UInt16) -> UInt16 {
        let max: UInt16 =
            switch kind {
            case .database, .state: 0o600
            case .keys: 0o640
            // Certificates and public keys are for all users. Permissions with which others may write were those of a link, or a
            // mistake: they do not show who may read the file.
            case .settings, .input: recorded & 0o022 == 0 ? 0o644 : 0o640
            }
        return recorded & max | 0o400
    }

    /// Whether the gateway itself creates and replaces the file, so that its folder belongs to the gateway's user.
    fileprivate var isWrittenByGateway: Bool { kind == .database || kind == .state }
}

extension BackupManifest {
    /// A folder of restored files, for the case that it does not exist.
    public struct Folder: Hashable, Sendable {
        public var permissions: UInt16
        /// The file whose owner and group the folder gets; nil for those of the user who restores.
        public var owner: File?
    }

    /// The folders of all files. One with state belongs to the gateway; it is private if it contains nothing else.
    public var folders: [ExactString: Folder] {
        var folders: [ExactString: Folder] = [:]
        for file in files {
            let path = ExactString(FilePath.parent(of: file.path))
            var folder = folders[path] ?? Folder(permissions: 0o700, owner: nil)
            if file.isWrittenByGateway {
                folder.owner = folder.owner ?? file
            } else {
                folder.permissions = 0o755
            }
            folders[path] = folder
        }
        return folders
    }
}
