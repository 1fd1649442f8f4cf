import Logging
import Settings

extension SettingsProblem {
    /// The problem as metadata of a log line; `line` and `key` are absent if the problem has none.
    var metadata: Logger.Metadata {
        var metadata: Logger.Metadata = ["file": "\(file)", "cause": "\(message)"]
        if line > 0 { metadata["line"] = "\(line)" }
        if !key.isEmpty { metadata["key"] = "\(key)" }
        return metadata
    }
}
