#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Lookup of executable files.
public enum ExecutableFile {
    /// The search path if the environment has no `PATH`.
    public static let defaultSearchPath = "/usr/bin:/bin"

    /// `PATH` of this process.
    public static var searchPath: String {
        getenv("PATH").map { String(cString: $0) } ?? defaultSearchPath
    }

    /// The path of a program: `program` if it contains a slash, otherwise the first match in the directories of `searchPath`,
    /// as a shell finds it. Nil if no such regular file exists, or this user may not execute it.
    public static func path(of program: String, searchPath: String) -> String? {
        guard !program.isEmpty, !program.utf8.contains(0) else { return nil }
        if program.contains("/") { return isExecutable(program) ? program : nil }
        // An empty element stands for the current directory.
        return searchPath.split(separator: ":", omittingEmptySubsequences: false).lazy
            .map { $0.isEmpty ? "./\(program)" : "\($0)/\(program)" }
            .first(where: isExecutable)
    }

    private static func isExecutable(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
    }
}
