import Logging
import Settings

extension Logger {
    /// Creates the logger of a long-running command; it writes to standard error.
    init(_ settings: Settings.Log) {
        self.init(label: "simpleai") { label in
            switch settings.format {
            case .text: TextLogHandler(label: label)
            case .json: JSONLogHandler()
            }
        }
        logLevel = Logger.Level(rawValue: settings.level.rawValue) ?? .info
    }
}
