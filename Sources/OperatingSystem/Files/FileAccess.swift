import CSystemCalls
import Foundation

/// What a user may do with a file or folder, as the kernel decides it.
public struct FileAccess: Hashable, Sendable {
    public let isReadable: Bool
    public let isWritable: Bool
    /// Of a folder: whether the user may enter it.
    public let isExecutable: Bool

    /// The access of the user who runs this program.
    public init(path: String) {
        isReadable = access(path, R_OK) == 0
        isWritable = access(path, W_OK) == 0
        isExecutable = access(path, X_OK) == 0
    }

    /// The access of another user, with all of its groups. Starts a child process for a moment; blocks.
    /// - Returns: nil if it cannot be found: only root can act as another user.
    public init?(path: String, user name: String) {
        guard geteuid() == 0, let entry = getpwnam(name) else { return nil }
        let (user, primary) = (entry.pointee.pw_uid, entry.pointee.pw_gid)
        let groups = Self.groups(of: name, primary)
        let allowed = csystem_access_of_user(user, primary, groups, UInt(groups.count), path)
        guard allowed >= 0 else { return nil }
        isReadable = allowed & R_OK != 0
        isWritable = allowed & W_OK != 0
        isExecutable = allowed & X_OK != 0
    }

    private static func groups(of name: String, _ primary: gid_t) -> [gid_t] {
        #if os(Linux)
        var count: Int32 = 64
        var groups = [gid_t](repeating: 0, count: Int(count))
        return getgrouplist(name, primary, &groups, &count) >= 0 ? Array(groups.prefix(Int(count))) : [primary]
        #else
        return [primary]
        #endif
    }
}
