package import Foundation

/// A temporary directory for one test, removed at its end.
package func inTemporaryDirectory(_ body: (URL) async throws -> Void) async throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let result: Result<Void, any Error>
    do {
        result = .success(try await body(directory))
    } catch {
        result = .failure(error)
    }
    let removal = Result { try FileManager.default.removeItem(at: directory) }
    try result.get()
    try removal.get()
}
