import Foundation
import OperatingSystem

/// The destination of a token that a user names, such as a file, a pipe or `/dev/stdout`.
public struct TokenOutputFile: Sendable {
    public let path: String

    public init(path: String) {
        self.path = path
    }

    /// Writes a token and a line feed. Pipes, sockets and devices are written to; a regular file is replaced as a whole, with
    /// mode 0600.
    /// - Parameter replacing: also a file that contains something else than a token.
    /// - Throws: `PrivateFile.Failure.exists` if the file contains something else, and `replacing` is false.
    public func write(_ token: String, replacing: Bool) throws(PrivateFile.Failure) {
        let bytes = Array("\(token)\n".utf8)
        var status = stat()
        guard stat(path, &status) == 0 else { return try PrivateFile.write(bytes, to: path, replacing: true) }
        // `/dev/stdout` may be a file to which a shell has redirected the output: it is written, not replaced.
        if let descriptor = Self.standardDescriptor(of: status) { return try write(bytes, to: descriptor) }
        switch status.st_mode & S_IFMT {
        case S_IFIFO, S_IFCHR, S_IFSOCK: try writeThrough(bytes)
        case S_IFREG where !replacing:
            guard containsToken() else { throw .exists(path: path) }
            try PrivateFile.write(bytes, to: path, replacing: true)
        default: try PrivateFile.write(bytes, to: path, replacing: true)
        }
    }

    /// Whether the text of a file is nothing but a JSON Web Token (RFC 7519), or nothing.
    static func isToken(_ bytes: [UInt8]) -> Bool {
        guard !bytes.isEmpty else { return true }
        let text = String(decoding: bytes, as: UTF8.self)
        let line = text.hasSuffix("\n") ? text.dropLast() : text[...]
        let parts = line.split(separator: ".", omittingEmptySubsequences: false)
        // The base64url form of `{"`, with which every header and every set of claims begins.
        return parts.count == 3 && parts[0].hasPrefix("eyJ") && parts[1].hasPrefix("eyJ")
            && line.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }

    private static let maxSize = 1 << 20

    private func containsToken() -> Bool {
        guard let bytes = try? StoredFile(path: path).read(atMost: Self.maxSize) else { return false }
        return Self.isToken(bytes)
    }

    /// The descriptor of this process's output that is open for the same file.
    private static func standardDescriptor(of file: stat) -> Int32? {
        [STDOUT_FILENO, STDERR_FILENO].first { descriptor in
            var status = stat()
            return fstat(descriptor, &status) == 0 && status.st_dev == file.st_dev && status.st_ino == file.st_ino
        }
    }

    /// Like a shell's redirection, it waits for the reader of a named pipe.
    private func writeThrough(_ bytes: [UInt8]) throws(PrivateFile.Failure) {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { throw .last("write", path) }
        defer { close(descriptor) }
        try write(bytes, to: descriptor)
    }

    private func write(_ bytes: [UInt8], to descriptor: Int32) throws(PrivateFile.Failure) {
        do throws(SystemError) {
            try DescriptorWriter.write(bytes, to: descriptor)
        } catch {
            throw .system(action: "write", path: path, reason: error.description)
        }
    }
}
