import Foundation

/// Passes an empty directory to the body and removes it afterwards.
func withDirectory<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let directory = FileManager.default.temporaryDirectory.appending(path: "settings-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer {
        do { try FileManager.default.removeItem(at: directory) } catch { print("left behind: \(directory.path)") }
    }
    return try body(directory)
}

extension URL {
    /// The path of a new file in this directory.
    func write(_ name: String, _ data: Data) throws -> String {
        let file = appending(path: name)
        try data.write(to: file)
        return file.path
    }
}
