/// The checks of a test that were skipped for reasons which several of them share, combined into one line per reason on a
/// terminal: the operator did not request them, or the deployment does not have what they test.
struct CollapsedSkips: Sendable {
    private(set) var results: [CheckResult] = []

    mutating func append(_ result: CheckResult) { results.append(result) }

    /// One line for the checks that only an option enables, and one for each other reason, in order of first appearance.
    var lines: [String] {
        let needOptions = results.filter { $0.missingOption != nil }
        let reasons = results.filter { $0.missingOption == nil }.reduce(into: [String]()) { reasons, result in
            if !reasons.contains(result.summary) { reasons.append(result.summary) }
        }
        let optionLines = needOptions.isEmpty ? [] : [Self(results: needOptions).summary]
        return optionLines
            + reasons.map { reason in
                let count = results.count { $0.missingOption == nil && $0.summary == reason }
                return "\(count) \(count == 1 ? "check" : "checks"): \(reason)"
            }
    }

    /// `6 checks need --sequential or --analyze-timing`, with the options in order of first appearance.
    var summary: String {
        let options = results.compactMap(\.missingOption).reduce(into: [String]()) { options, option in
            if !options.contains(option) { options.append(option) }
        }
        let first = options.dropLast().joined(separator: ", ")
        return "\(results.count) checks need \(first)\(first.isEmpty ? "" : " or ")\(options.last ?? "")"
    }
}
