import Foundation
import OperatingSystem

/// Environment variables of the process, supplemented by a `.env` file in the working directory; the process's own take
/// precedence.
///
/// Only `SIMPLEAI_*` is read from the file: it belongs to the directory's project, whose other secrets must not be
/// used.
public struct DotEnvironment: Sendable {
    private let values: [String: String]
    /// Larger files contain no settings of this program.
    private static let maxSize = 1 << 20

    public init(process: [String: String], directory: String) {
        let file = URL(fileURLWithPath: directory).appendingPathComponent(".env")
        // A missing file is the ordinary case. It may be a pipe of a password manager.
        let bytes = (try? OperatorFile.contents(of: file.path, atMost: Self.maxSize)) ?? []
        let text = String(decoding: bytes, as: UTF8.self)
        values = Self.parse(text).merging(process) { _, own in own }
    }

    /// The value; nil if the variable is unset or empty.
    public subscript(name: String) -> String? {
        values[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Parses lines `NAME=value`, with optional `export` before and quotes around the value; `#` begins a comment.
    static func parse(_ text: String) -> [String: String] {
        var values: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            var rest = line.trimmingCharacters(in: .whitespaces)
            if rest.hasPrefix("export ") { rest = rest.dropFirst(7).trimmingCharacters(in: .whitespaces) }
            guard rest.hasPrefix("SIMPLEAI_"), let equals = rest.firstIndex(of: "=") else { continue }
            let name = rest[..<equals].trimmingCharacters(in: .whitespaces)
            values[name] = value(rest[rest.index(after: equals)...].trimmingCharacters(in: .whitespaces))
        }
        return values
    }

    private static func value(_ text: String) -> String {
        if let quote = text.first, quote == "\"" || quote == "'" {
            let inner = text.dropFirst()
            return String(inner.prefix { $0 != quote })
        }
        guard let comment = text.range(of: " #") else { return text }
        return text[..<comment.lowerBound].trimmingCharacters(in: .whitespaces)
    }
}
