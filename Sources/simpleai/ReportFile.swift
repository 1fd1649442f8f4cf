import Foundation
import OperatingSystem

/// The destination of a report that a user names: a file, a pipe, or a device such as `/dev/stdout`.
struct ReportFile {
    let path: String

    /// Replaces a file as a whole. A pipe or device is written to: a file in its place would be of no use to its reader, and
    /// root would replace the device for every program of the machine.
    func write(_ text: String) throws {
        var status = stat()
        guard stat(path, &status) == 0, ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) else {
            return try text.write(toFile: path, atomically: true, encoding: .utf8)
        }
        // Like a shell's redirection, it waits for the reader of a named pipe.
        let descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { throw SystemError(number: errno) }
        defer { close(descriptor) }
        try DescriptorWriter.write(Array(text.utf8), to: descriptor)
    }
}
