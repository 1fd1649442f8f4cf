import Foundation
import Logging
import SimpleAICore

/// One line of JSON per event on standard error, for machines that collect logs.
struct JSONLogHandler: LogHandler {
    var logLevel: Logger.Level = .info
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = [
            "\"time\":\(JSONString.encode(Date.now.formatted(.iso8601.time(includingFractionalSeconds: true))))",
            "\"level\":\(JSONString.encode(event.level.rawValue))",
            "\"message\":\(JSONString.encode(event.message.description))",
        ]
        let all = metadata.merging(event.metadata ?? [:]) { _, own in own }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) {
            fields.append("\(JSONString.encode(key)):\(JSONString.encode(value.description))")
        }
        StandardError.write("{\(fields.joined(separator: ","))}")
    }
}
