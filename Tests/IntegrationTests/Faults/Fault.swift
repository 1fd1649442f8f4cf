import Foundation

/// Helpers shared by the fault tests.
enum Fault {
    /// One line of the table that `make faults` prints.
    static func report(_ name: String, _ figure: String) {
        print("fault: \(name): \(figure)")
    }

    /// Runs `work` for every number, `workers` at a time.
    static func forEach(_ numbers: Range<Int>, workers: Int, _ work: @escaping @Sendable (Int) async throws -> Void)
        async throws
    {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<workers {
                group.addTask {
                    for number in stride(from: numbers.lowerBound + worker, to: numbers.upperBound, by: workers) {
                        try await work(number)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// The resident memory of this process, in bytes; nil if the system does not report it.
    static var residentMemory: Int? {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
            let kibibytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) })
        else { return nil }
        return kibibytes << 10
    }

    static func mebibytes(_ bytes: Int) -> String { String(format: "%.1f MiB", Double(bytes) / 1_048_576) }

    static func milliseconds(_ duration: Duration) -> String {
        String(format: "%.1f ms", duration / .milliseconds(1))
    }

    /// The 95th percentile.
    static func p95(_ durations: [Duration]) -> Duration {
        let sorted = durations.sorted()
        return sorted.isEmpty ? .zero : sorted[min(sorted.count - 1, sorted.count * 95 / 100)]
    }
}
