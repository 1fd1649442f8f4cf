import Foundation
import Settings

/// The program that listens on a TCP port, as far as /proc shows it: to its owner and to root.
struct ListeningProcess {
    let id: Int
    let name: String

    init(id: Int, name: String) {
        self.id = id
        self.name = name
    }

    init?(port: Int) {
        let inodes = ["/proc/net/tcp", "/proc/net/tcp6"].compactMap { Self.inode(of: port, in: $0) }
        guard !inodes.isEmpty else { return nil }
        let sockets = Set(inodes.map { "socket:[\($0)]" })
        let files = FileManager.default
        for process in (try? files.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let id = Int(process) else { continue }
            for descriptor in (try? files.contentsOfDirectory(atPath: "/proc/\(process)/fd")) ?? [] {
                guard let target = try? files.destinationOfSymbolicLink(atPath: "/proc/\(process)/fd/\(descriptor)"),
                    sockets.contains(target),
                    let name = try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8)
                else { continue }
                self.id = id
                self.name = name.trimmingCharacters(in: .whitespacesAndNewlines)
                return
            }
        }
        return nil
    }

    var description: String { "\(name) (\(id))" }

    /// The current folder of a process with the same view of the file system.
    var folder: String? {
        let files = FileManager.default
        guard let own = try? files.destinationOfSymbolicLink(atPath: "/proc/self/ns/mnt"),
            let other = try? files.destinationOfSymbolicLink(atPath: "/proc/\(id)/ns/mnt"), other == own
        else { return nil }
        return try? files.destinationOfSymbolicLink(atPath: "/proc/\(id)/cwd")
    }

    /// The settings file with which it was started as `simpleai serve`; nil if it is unknown.
    var settingsPath: String? {
        guard let folder, let data = FileManager.default.contents(atPath: "/proc/\(id)/cmdline") else { return nil }
        let words = data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        guard words.count > 1, words[0].hasSuffix("simpleai"), words[1] == "serve" else { return nil }
        for (index, word) in words.enumerated() {
            if word.hasPrefix("--config=") { return Self.absolute(String(word.dropFirst(9)), folder) }
            if word == "--config", index + 1 < words.count { return Self.absolute(words[index + 1], folder) }
        }
        return SettingsFile.defaultPaths.map { Self.absolute($0, folder) }.first(where: FileManager.default.fileExists)
    }

    private static func absolute(_ path: String, _ folder: String) -> String {
        path.hasPrefix("/") ? path : folder + "/" + path
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
