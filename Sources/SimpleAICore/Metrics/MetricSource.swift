/// A part of the gateway that has metrics. The metrics page lists those of all parts.
package protocol MetricSource: Sendable {
    /// Adds the current samples of all of its metrics, those with the value 0 included.
    func write(to page: inout ExpositionPage)
}

/// `simpleai_build_info`: which version of the program runs.
package struct BuildMetric: MetricSource {
    private let version: String

    package init(version: String) {
        self.version = version
    }

    package func write(to page: inout ExpositionPage) {
        page.metric("simpleai_build_info", .gauge, "A metric with a constant value of 1, labeled by version.") {
            $0.sample(["version": version], 1)
        }
    }
}
