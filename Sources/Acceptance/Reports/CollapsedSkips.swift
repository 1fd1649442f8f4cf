/// The checks of a test that were skipped because the operator did not request them, combined into one line on a
/// terminal.
struct CollapsedSkips: Sendable {
    private(set) var results: [CheckResult] = []

    mutating func append(_ result: CheckResult) { results.append(result) }

    /// `6 checks need --sequential or --analyze-timing`, with the options in order of first appearance.
    var summary: String {
        let options = results.compactMap(\.missingOption).reduce(into: [String]()) { options, option in
            if !options.contains(option) { options.append(option) }
        }
        let first = options.dropLast().joined(separator: ", ")
        return "\(results.count) checks need \(first)\(first.isEmpty ? "" : " or ")\(options.last ?? "")"
    }
}
