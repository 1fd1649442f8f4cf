import Foundation

/// The program that listens on a TCP port, as far as /proc shows it: to its owner and to root.
enum ListeningProcess {
    static func name(port: Int) -> String? {
        let inodes = ["/proc/net/tcp", "/proc/net/tcp6"].compactMap { inode(of: port, in: $0) }
        guard !inodes.isEmpty else { return nil }
        let sockets = Set(inodes.map { "socket:[\($0)]" })
        let files = FileManager.default
        for process in (try? files.contentsOfDirectory(atPath: "/proc")) ?? [] where Int(process) != nil {
            for descriptor in (try? files.contentsOfDirectory(atPath: "/proc/\(process)/fd")) ?? [] {
                guard let target = try? files.destinationOfSymbolicLink(atPath: "/proc/\(process)/fd/\(descriptor)"),
                    sockets.contains(target)
                else { continue }
                let name = try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8)
                return name.map { "\($0.trimmingCharacters(in: .whitespacesAndNewlines)) (\(process))" }
            }
        }
        return nil
    }

    /// The inode of a listening socket: a line `sl local_address rem_address st … inode`, with state 0A.
    private static func inode(of port: Int, in file: String) -> String? {
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
        for line in text.split(separator: "\n").dropFirst() {
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[3] == "0A", let written = fields[1].split(separator: ":").last,
                Int(written, radix: 16) == port
            else { continue }
            return String(fields[9])
        }
        return nil
    }
}
