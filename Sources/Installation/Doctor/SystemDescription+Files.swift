public import SimpleAICore

extension SystemDescription {
    /// A file that a program reads or writes.
    public struct File: Sendable, Hashable {
        public enum Purpose: String, Sendable, Hashable {
            case settings = "the settings file"
            case tokenKey = "the private key of tokens"
            case tlsKey = "the private key of the certificate"
            case input = "a file that the settings name"
            case keyDatabase = "the key database"
            case state = "the state file"
            case runnerTokens = "the file of the runners' tokens"
            case ownToken = "the file of this machine's own token"

            /// Whether the program replaces it.
            var isWritten: Bool {
                switch self {
                case .settings, .tokenKey, .tlsKey, .input: false
                case .keyDatabase, .state, .runnerTokens, .ownToken: true
                }
            }

            /// Whether other users must not read it.
            var isSecret: Bool {
                switch self {
                case .settings, .tokenKey, .tlsKey, .runnerTokens, .ownToken, .keyDatabase: true
                case .input, .state: false
                }
            }

            /// Whether it has to exist before the first start.
            var isRequired: Bool { self == .input || self == .tlsKey }
        }

        /// Who may do what.
        public struct Access: Sendable, Hashable {
            /// The permission bits.
            public var mode: UInt16
            public var owner: String
            public var isReadable: Bool
            public var isWritable: Bool

            public init(mode: UInt16, owner: String, isReadable: Bool = true, isWritable: Bool = true) {
                self.mode = mode
                self.owner = owner
                self.isReadable = isReadable
                self.isWritable = isWritable
            }

            /// Whether users other than the owner and its group can read it.
            var isReadableByAll: Bool { mode & 0o004 != 0 }
            /// Whether every user can change it.
            var isWritableByAll: Bool { mode & 0o002 != 0 }
            /// Whether every user can replace the files in this folder: without the sticky bit, write permission of a folder
            /// permits to rename and remove them.
            var permitsReplacement: Bool { isWritableByAll && mode & 0o1000 == 0 }
            /// Whether users other than the owner can read it.
            var isReadableByOthers: Bool { mode & 0o044 != 0 }
        }

        public enum Folder: Sendable, Hashable {
            case missing
            case notADirectory
            case present(Access)
        }

        public enum Kind: Sendable, Hashable {
            case regular, folder
            /// A pipe, a device or a socket.
            case other
        }

        public var path: String
        public var purpose: Purpose
        public var kind = Kind.regular
        /// The target of a link whose target does not exist.
        public var danglingTarget: String?
        /// The first folder on the way that the program's user may not enter.
        public var closedFolder: String?
        /// Nil: it does not exist.
        public var access: Access?
        public var folder: Folder
        /// The free space of its file system; nil if unknown.
        public var freeSpace: ByteCount?
        public var freeFiles: Int?
        public var isReadOnly = false

        public init(path: String, purpose: Purpose, access: Access?, folder: Folder) {
            self.path = path
            self.purpose = purpose
            self.access = access
            self.folder = folder
        }

        var folderPath: String {
            guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
            return slash == path.startIndex ? "/" : String(path[..<slash])
        }
    }
}
