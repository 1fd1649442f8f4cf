/// A page in Prometheus' text exposition format, version 0.0.4.
package struct ExpositionPage {
    package enum Kind: String { case counter, gauge, histogram }

    /// The samples of one metric.
    package struct Samples {
        fileprivate var entries: [(labels: [(String, String)], value: Int)] = []

        package mutating func sample(_ labels: KeyValuePairs<String, String>, _ value: Int) {
            entries.append((labels.map { ($0.key, $0.value) }, value))
        }

        fileprivate static func rendered(_ labels: [(String, String)]) -> String {
            if labels.isEmpty { return "" }
            return "{" + labels.map { "\($0.0)=\"\(escaped($0.1))\"" }.joined(separator: ",") + "}"
        }

        private static func escaped(_ value: String) -> String {
            var result = ""
            // By scalars, because "\r\n" is one `Character` and would leave a bare line break in the page.
            for scalar in value.unicodeScalars {
                switch scalar {
                case "\\": result += "\\\\"
                case "\"": result += "\\\""
                case "\n": result += "\\n"
                // Parsers that also split lines at other characters would find an additional sample.
                case _ where !scalar.isVisible: result += "\u{FFFD}"
                default: result.unicodeScalars.append(scalar)
                }
            }
            return result
        }
    }

    package private(set) var text = ""

    package init() {}

    package mutating func metric(_ name: String, _ kind: Kind, _ help: String, _ fill: (inout Samples) -> Void) {
        var samples = Samples()
        fill(&samples)
        begin(name, kind, help)
        for (labels, value) in samples.entries { text += "\(name)\(Samples.rendered(labels)) \(value)\n" }
        guard let renamed = RenamedMetric(of: name) else { return }
        begin(renamed.formerName, kind, renamed.help(for: name))
        for (labels, value) in samples.entries {
            let labels = labels.map { (renamed.label($0.0), $0.1) }
            text += "\(renamed.formerName)\(Samples.rendered(labels)) \(value)\n"
        }
    }

    package mutating func histograms(_ name: String, _ help: String, _ byClass: [String: Histogram]) {
        series(name, help, byClass)
        guard let renamed = RenamedMetric(of: name) else { return }
        series(renamed.formerName, renamed.help(for: name), byClass)
    }

    private mutating func series(_ name: String, _ help: String, _ byClass: [String: Histogram]) {
        begin(name, .histogram, help)
        for (label, histogram) in byClass.sorted(by: { $0.key < $1.key }) where !histogram.isEmpty {
            var total = 0
            let bounds = histogram.bounds.map { "\($0)" } + ["+Inf"]
            for (bound, count) in zip(bounds, histogram.counts) {
                total += count
                text += "\(name)_bucket\(Samples.rendered([("class", label), ("le", bound)])) \(total)\n"
            }
            text += "\(name)_sum\(Samples.rendered([("class", label)])) \(histogram.sum)\n"
            text += "\(name)_count\(Samples.rendered([("class", label)])) \(total)\n"
        }
    }

    private mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }
}
