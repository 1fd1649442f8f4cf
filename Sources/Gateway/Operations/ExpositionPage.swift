import SimpleAICore

/// Prometheus text exposition format, version 0.0.4.
struct ExpositionPage {
    enum Kind: String { case counter, gauge, histogram }

    /// The samples of one metric.
    struct Samples {
        let name: String
        fileprivate(set) var lines: [String] = []

        mutating func sample(_ labels: KeyValuePairs<String, String>, _ value: Int) {
            lines.append("\(name)\(Self.rendered(labels.map { ($0.key, $0.value) })) \(value)")
        }

        fileprivate static func rendered(_ labels: [(String, String)]) -> String {
            if labels.isEmpty { return "" }
            return "{" + labels.map { "\($0.0)=\"\(escaped($0.1))\"" }.joined(separator: ",") + "}"
        }

        private static func escaped(_ value: String) -> String {
            var result = ""
            // Iterates scalars: "\r\n" is one character, and would put a bare line break into the page.
            for scalar in value.unicodeScalars {
                switch scalar {
                case "\\": result += "\\\\"
                case "\"": result += "\\\""
                case "\n": result += "\\n"
                // Parsers that split lines at other characters than line feeds would read another sample.
                case _ where !scalar.isVisible: result += "\u{FFFD}"
                default: result.unicodeScalars.append(scalar)
                }
            }
            return result
        }
    }

    private(set) var text = ""

    mutating func metric(_ name: String, _ kind: Kind, _ help: String, _ fill: (inout Samples) -> Void) {
        var samples = Samples(name: name)
        fill(&samples)
        begin(name, kind, help)
        for line in samples.lines { text += line + "\n" }
    }

    mutating func histograms(_ name: String, _ help: String, _ byClass: [String: Histogram]) {
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
