import Logging
import Settings

extension Logger {
    /// The log of a long-running command, on standard error.
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
