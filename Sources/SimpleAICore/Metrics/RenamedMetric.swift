/// The former name of a renamed metric. Its series remain on the page for one release, with a help text that states the new
/// name, so that dashboards and alerts can be changed in time.
package struct RenamedMetric: Equatable {
    package let formerName: String
    private let formerLabels: KeyValuePairs<String, String>

    package static func == (one: RenamedMetric, other: RenamedMetric) -> Bool { one.formerName == other.formerName }

    /// - Parameter formerLabels: the renamed labels: the current name and the former one.
    private init(_ formerName: String, formerLabels: KeyValuePairs<String, String> = [:]) {
        self.formerName = formerName
        self.formerLabels = formerLabels
    }

    /// Returns the former name of `name`; nil if the metric has not been renamed.
    package init?(of name: String) {
        switch name {
        case "simpleai_call_duration_seconds": self.init("simpleai_call_seconds")
        case "simpleai_interrupted_stream_tokens_total": self.init("simpleai_broken_stream_tokens_total")
        case "simpleai_issuer_key_fetch_failures_total": self.init("simpleai_issuer_key_failures_total")
        case "simpleai_limit_rejections_total":
            self.init("simpleai_share_refusals_total", formerLabels: ["limit": "bound"])
        case "simpleai_authentication_failures_total":
            self.init("simpleai_refused_tokens_total", formerLabels: ["result": "answer"])
        default: return nil
        }
    }

    package func help(for name: String) -> String { "Deprecated: renamed to \(name); removed in the next release." }

    package func label(_ name: String) -> String { formerLabels.first { $0.key == name }?.value ?? name }
}
