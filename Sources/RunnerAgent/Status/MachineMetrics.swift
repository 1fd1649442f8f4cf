import Foundation
import Synchronization

/// Load and memory of the machine from Linux's `/proc`; other systems report none.
final class MachineMetrics: Sendable {
    /// Ticks since boot, over all processors.
    struct ProcessorTimes: Hashable, Sendable {
        var busy: Int
        var total: Int
    }

    private let folder: String
    private let last = Mutex<ProcessorTimes?>(nil)

    init(folder: String = "/proc") { self.folder = folder }

    /// The usage of all processors since the previous call, from 0 to 100; nil for the first call.
    func processorPercent() -> Double? {
        guard let text = text(of: "stat"), let now = Self.processorTimes(text) else { return nil }
        let before = last.withLock { last in
            defer { last = now }
            return last
        }
        guard let before, now.total > before.total else { return nil }
        let share = Double(now.busy - before.busy) / Double(now.total - before.total)
        return min(max(share * 100, 0), 100)
    }

    /// Bytes in use by programs; memory that the system can reclaim immediately counts as free.
    func memoryUsed() -> Int? { text(of: "meminfo").flatMap(Self.memoryUsed) }

    /// Parses the first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal.
    static func processorTimes(_ stat: String) -> ProcessorTimes? {
        guard let line = stat.split(separator: "\n").first, line.hasPrefix("cpu ") else { return nil }
        let ticks = line.split(separator: " ").dropFirst().prefix(8).compactMap { Int($0) }
        guard ticks.count >= 4 else { return nil }
        let total = ticks.reduce(0, +)
        let idle = ticks[3] + (ticks.count > 4 ? ticks[4] : 0)
        return ProcessorTimes(busy: total - idle, total: total)
    }

    static func memoryUsed(_ meminfo: String) -> Int? {
        var kibibytes: [Substring: Int] = [:]
        for line in meminfo.split(separator: "\n") {
            let parts = line.split(whereSeparator: { $0 == ":" || $0 == " " })
            if parts.count >= 2, let number = Int(parts[1]) { kibibytes[parts[0]] = number }
        }
        guard let total = kibibytes["MemTotal"], let available = kibibytes["MemAvailable"] else { return nil }
        return (total - available) << 10
    }

    private func text(of file: String) -> String? {
        try? String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)
    }
}
