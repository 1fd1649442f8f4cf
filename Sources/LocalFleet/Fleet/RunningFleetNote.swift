public import Foundation

/// The file through which `simpleai token` and the commands that operate a gateway find the fleet that `simpleai dev`
/// runs for the same user: `$XDG_RUNTIME_DIR/simpleai-dev-UID.json`, or in the temporary directory.
public struct RunningFleetNote: Codable, Hashable, Sendable {
    public var issuer: String
    /// The gateway's base URL.
    public var url: String
    public var pid: Int32

    public init(issuer: String, url: String) {
        self.url = url
        self.issuer = issuer
        pid = getpid()
    }

    public static func path(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> String {
        let directory = environment["XDG_RUNTIME_DIR"].flatMap { $0.isEmpty ? nil : $0 }
        return URL(fileURLWithPath: directory ?? FileManager.default.temporaryDirectory.path, isDirectory: true)
            .appendingPathComponent("simpleai-dev-\(getuid()).json").path
    }

    /// Writes the note unless another fleet is running: the first of two fleets is found. Returns the note of the other
    /// fleet, or nil if this one was written.
    public func claim(_ path: String = path()) throws -> RunningFleetNote? {
        // A malformed note is replaced; writing fails if the file is not trustworthy.
        if let other = (try? Self.read(from: path)) ?? nil, other.pid != pid { return other }
        try write(to: path)
        return nil
    }

    /// Writes the note, replacing the note of another fleet.
    public func write(to path: String = path()) throws {
        let json: JSONText = ["issuer": .string(issuer), "url": .string(url), "pid": .integer(Int(pid))]
        try PrivateFile.write(json.utf8, to: path, replacing: true)
    }

    /// The note of a running fleet; nil if there is none.
    ///
    /// - Throws: `PrivateFile.Failure` if the file cannot be trusted, `DecodingError` if it is not a valid note.
    public static func read(from path: String = path()) throws -> RunningFleetNote? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let note = try JSONDecoder().decode(Self.self, from: Data(PrivateFile.read(path)))
        // EPERM means that the process belongs to another user, so it did not write this user's file.
        return kill(note.pid, 0) == 0 ? note : nil
    }

    /// Removes the note, unless a later fleet has replaced it.
    public func remove(from path: String = path()) throws {
        if try Self.read(from: path) == self { try FileManager.default.removeItem(atPath: path) }
    }
}
