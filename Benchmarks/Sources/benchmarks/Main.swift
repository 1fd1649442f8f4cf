import Foundation

/// In-process benchmarks of the code that every call executes. Exit code 1 if one costs more, relative to its
/// reference, than its maximum.
@main
enum Main {
    static func main() async throws {
        let found = try await TokenCacheBenchmark.prepare()
        let all = [
            PickBenchmark.benchmark, QueueBenchmark.benchmark, ScannerBenchmark.benchmark, RelayBenchmark.benchmark,
            TokenCacheBenchmark.benchmark(found),
        ]
        var allAreGood = true
        print(row("benchmark", "time", "reference", "time", "ratio", "allowed", ""))
        for benchmark in all {
            let result = benchmark.measure()
            let isGood = result.ratio <= benchmark.maxTimesReference
            if !isGood { allAreGood = false }
            print(
                row(
                    benchmark.name, text(result.work), benchmark.referenceName, text(result.reference),
                    String(format: "%.1f", result.ratio), String(format: "%.0f", benchmark.maxTimesReference),
                    [isGood ? "met" : "MISSED", benchmark.budget].filter { !$0.isEmpty }.joined(separator: "; ")))
        }
        if !allAreGood { exit(1) }
    }

    private static func text(_ duration: Duration) -> String {
        String(format: "%.2f µs", duration / .microseconds(1))
    }

    private static func row(_ cells: String...) -> String {
        let widths = [32, -10, 16, -10, -7, -8, 0]
        return zip(cells, widths).map { cell, width in
            let space = String(repeating: " ", count: max(0, abs(width) - cell.count))
            return width < 0 ? space + cell : cell + space
        }.joined(separator: "  ")
    }
}
