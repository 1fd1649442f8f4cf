import Foundation
import Logging
import SimpleAICore

/// One line of text per event on standard error: time, level, `key=value` pairs, source, message.
///
/// Values come from outside: subjects, ids of models, words of engines. Each is quoted where it is more than a word
/// (`LogValue`), so that none of them looks like another pair, another line, or a command to a terminal.
struct TextLogHandler: LogHandler {
    let label: String
    var logLevel: Logger.Level = .info
    var metadata: Logger.Metadata = [:]

    init(label: String) { self.label = label }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, own in own }
        let pairs = all.sorted { $0.key < $1.key }.map { " \($0.key)=\(LogValue.text($0.value.description))" }
        StandardError.write(
            "\(Self.timestamp()) \(event.level) \(label):\(pairs.joined()) [\(event.source)] "
                + JSONString.visible(event.message.description))
    }

    /// ISO 8601, in local time, to the second.
    private static func timestamp() -> String {
        var now = time(nil)
        var parts = tm()
        guard localtime_r(&now, &parts) != nil else { return "-" }
        return String(unsafeUninitializedCapacity: 40) { bytes in
            bytes.withMemoryRebound(to: CChar.self) {
                strftime($0.baseAddress, $0.count, "%Y-%m-%dT%H:%M:%S%z", &parts)
            }
        }
    }
}
