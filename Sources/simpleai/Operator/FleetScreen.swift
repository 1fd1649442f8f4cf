import Foundation
import OperatingSystem

/// A table that is redrawn in place on a terminal. Earlier output of the terminal is kept above it.
struct FleetScreen {
    private var height = 0

    static func isTerminal(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> Bool {
        isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb"
    }

    /// Replaces the previous drawing.
    mutating func draw(_ lines: [String]) {
        var text = height == 0 ? "\u{1B}[?25l" : "\u{1B}[\(height)A"
        let (rows, columns) = Self.size
        // A line that wraps, or a table that scrolls, could not be overwritten.
        let shown = lines.count < rows ? lines : lines.prefix(max(1, rows - 2)) + ["…"]
        for line in shown { text += "\(line.prefix(columns - 1))\u{1B}[K\r\n" }
        let rest = max(0, height - shown.count)
        text += String(repeating: "\u{1B}[K\r\n", count: rest)
        height = shown.count + rest
        Self.write(text)
    }

    /// Leaves the table in place and restores the terminal.
    static func showCursor() { write("\u{1B}[?25h") }

    private static var size: (rows: Int, columns: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0, size.ws_col > 1 else {
            return (24, 80)
        }
        return (Int(size.ws_row), Int(size.ws_col))
    }

    private static func write(_ text: String) { StandardStream.output.write(text) }
}
