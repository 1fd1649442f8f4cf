/// Where the gateway writes its access lines itself, instead of passing them to a log handler.
public struct AccessLogOutput: Sendable {
    /// The format of the other lines in the same log.
    public enum Format: Hashable, Sendable {
        /// - Parameter label: of the program; nil for a terminal, where the message comes before the pairs.
        case text(label: String?)
        case json
    }

    public let format: Format
    public let writer: LogWriter

    public init(_ format: Format, to writer: LogWriter) {
        self.format = format
        self.writer = writer
    }
}
