import Foundation
import Logging
import OperatingSystem
import SimpleAICore

/// One line of text per event on standard error: time, level, `key=value` pairs, source, message. In a terminal the message
/// follows the time and the level, before the pairs.
///
/// Values come from outside: subjects, ids of models, messages of engines. Each is quoted unless it is a single word
/// (`LogValue`), so that none of them imitates another pair, another line, or a control sequence.
struct TextLogHandler: LogHandler {
    let label: String
    var logLevel: Logger.Level = .info
    var metadata: Logger.Metadata = [:]

    init(label: String) { self.label = label }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    static let isTerminal = isatty(STDERR_FILENO) == 1

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, own in own }
        StandardError.write(line(event.level, event.message.description, all, source: event.source))
    }

    /// With the present time.
    func line(_ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata, source: String) -> String {
        let origin = Self.isTerminal ? nil : "\(label):"
        return "\(Self.timestamp()) " + Self.line(level, message, metadata, origin: origin, source: source)
    }

    /// - Parameter origin: nil for a terminal, where the message comes before the pairs.
    static func line(
        _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata, origin: String?, source: String
    ) -> String {
        let pairs = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\(LogValue.text($0.value.description))" }
            .joined()
        let message = JSONString.visible(message)
        guard let origin else { return "\(level) \(message)\(pairs)" }
        return "\(level) \(origin)\(pairs) [\(source)] \(message)"
    }

    private static func timestamp() -> String {
        var (bytes, timestamp): ([UInt8], LogTimestamp) = ([], LogTimestamp(.local))
        timestamp.append(.now, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
