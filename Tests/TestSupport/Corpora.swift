package import Foundation

/// Public test files that the project does not contain; docs/ states where to get them.
package enum Corpora {
    package static let directory: URL = {
        if let path = ProcessInfo.processInfo.environment["SIMPLEAI_CORPORA"], !path.isEmpty {
            return URL(fileURLWithPath: path, isDirectory: true)
        }
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return package.deletingLastPathComponent().appendingPathComponent("shared/corpora", isDirectory: true)
    }()

    private static let jsonParsing = directory.appendingPathComponent("JSONTestSuite/test_parsing", isDirectory: true)

    package static let jsonParsingPath = jsonParsing.path
    package static let hasJSONParsing = FileManager.default.fileExists(atPath: jsonParsingPath)

    /// The files of JSONTestSuite whose names begin with `prefix`, in order.
    package static func jsonParsingFiles(_ prefix: String) throws -> [(name: String, bytes: [UInt8])] {
        try FileManager.default.contentsOfDirectory(atPath: jsonParsingPath)
            .filter { $0.hasPrefix(prefix) && $0.hasSuffix(".json") }.sorted()
            .map { ($0, Array(try Data(contentsOf: jsonParsing.appendingPathComponent($0)))) }
    }
}
