package import Foundation

/// Passes an empty directory to `body`, and removes it afterwards.
package func inTemporaryDirectory<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
    let directory = try makeTemporaryDirectory()
    let result: Swift.Result<Result, any Error>
    do {
        result = .success(try await body(directory))
    } catch {
        result = .failure(error)
    }
    return try end(directory, result)
}

/// Passes an empty directory to `body`, and removes it afterwards.
package func inTemporaryDirectory<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let directory = try makeTemporaryDirectory()
    return try end(directory, Swift.Result { try body(directory) })
}

private func makeTemporaryDirectory() throws -> URL {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    return directory
}

private func end<Success>(_ directory: URL, _ result: Result<Success, any Error>) throws -> Success {
    let removal = Result { try FileManager.default.removeItem(at: directory) }
    let value = try result.get()
    try removal.get()
    return value
}
