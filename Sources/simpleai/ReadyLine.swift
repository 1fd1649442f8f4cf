import Logging
import OperatingSystem

/// The one line by which a long-running command tells a script that it has begun.
struct ReadyLine {
    /// On standard output.
    let json: Bool
    /// Instead of it.
    let descriptor: Int32?

    func write(_ line: String, _ logger: Logger) {
        let bytes = Array((line + "\n").utf8)
        do {
            if let descriptor {
                try DescriptorWriter.write(bytes, to: descriptor)
            } else if json {
                try DescriptorWriter.write(bytes, to: StandardStream.output.rawValue)
            }
        } catch {
            logger.error(
                "Nobody could be told that calls are accepted", metadata: ["cause": "\(OperatorText.of(error))"])
        }
    }
}
