#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Files that can be executed.
public enum ExecutableFile {
    /// Where programs are looked for when the environment has no `PATH`.
    public static let defaultSearchPath = "/usr/bin:/bin"

    /// `PATH` of this process.
    public static var searchPath: String {
        getenv("PATH").map { String(cString: $0) } ?? defaultSearchPath
    }

    /// The path of a program: itself where it has a slash, else the first match in the folders of `searchPath`, as a shell
    /// would find it. Returns nil if there is no such regular file, or this user may not execute it.
    public static func path(of program: String, searchPath: String) -> String? {
        guard !program.isEmpty, !program.utf8.contains(0) else { return nil }
        if program.contains("/") { return isExecutable(program) ? program : nil }
        // An empty element stands for the current folder.
        return searchPath.split(separator: ":", omittingEmptySubsequences: false).lazy
            .map { $0.isEmpty ? "./\(program)" : "\($0)/\(program)" }
            .first(where: isExecutable)
    }

    private static func isExecutable(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
    }
}
