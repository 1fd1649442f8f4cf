import Logging
import OperatingSystem

/// The line by which a long-running command reports to a script that it is ready.
struct ReadyLine {
    /// Whether the line is written to standard output.
    let json: Bool
    /// The descriptor to write to instead.
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
                "Readiness notification failed", metadata: ["cause": "\(OperatorText.of(error))"])
        }
    }
}
