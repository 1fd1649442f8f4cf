import Foundation
import Logging
import OperatingSystem
import Settings

extension Logger {
    fileprivate static let label = "simpleai"

    /// Creates the logger of a long-running command; it writes to standard error.
    init(_ settings: Settings.Log) {
        self.init(label: Self.label) { label in
            switch settings.format {
            case .text: TextLogHandler(label: label)
            case .json: JSONLogHandler()
            }
        }
        logLevel = Logger.Level(rawValue: settings.level.rawValue) ?? .info
        Self.reportDroppedLines(settings.format)
    }

    /// The report of dropped lines has the format of the other lines, so that programs can read it.
    private static func reportDroppedLines(_ format: Settings.Log.Format) {
        LogWriter.standardError.reportDroppedLines { count in
            let (message, count): (String, Logger.Metadata) = ("Log lines dropped", ["count": "\(count)"])
            return switch format {
            case .text: TextLogHandler(label: label).line(.warning, message, count, source: "simpleai")
            case .json: JSONLogHandler.line(.warning, message, count, at: .now)
            }
        }
    }
}

extension AccessLogOutput {
    /// Writes access lines to standard error, in the format of the other lines.
    init(_ settings: Settings.Log) {
        switch settings.format {
        case .text:
            self.init(.text(label: TextLogHandler.isTerminal ? nil : Logger.label), to: .standardError)
        case .json: self.init(.json, to: .standardError)
        }
    }
}
