import Foundation

/// The names of users and groups, which are the same on another machine, and their numbers, which are not.
enum SystemAccounts {
    static func user(_ number: UInt32) -> String? { getpwuid(number).map { String(cString: $0.pointee.pw_name) } }

    static func group(_ number: UInt32) -> String? { getgrgid(number).map { String(cString: $0.pointee.gr_name) } }

    static func user(named name: String) -> UInt32? { getpwnam(name)?.pointee.pw_uid }

    static func group(named name: String) -> UInt32? { getgrnam(name)?.pointee.gr_gid }
}
