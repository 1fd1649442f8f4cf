import Foundation

/// Runs `body` with a new directory that only its owner can access, and removes it afterwards.
func withTemporaryDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let directory = FileManager.default.temporaryDirectory
        .appendingPathComponent("simpleai-\(UUID().uuidString)", isDirectory: true)
    try FileManager.default.createDirectory(
        at: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    let result: Result
    do {
        result = try await body(directory.path)
    } catch {
        // The result of `body` matters more than a leftover in the temporary directory.
        try? FileManager.default.removeItem(at: directory)
        throw error
    }
    try FileManager.default.removeItem(at: directory)
    return result
}
