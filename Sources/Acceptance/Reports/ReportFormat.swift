/// The report formats that are files, each written to its own path.
public enum ReportFormat: String, Sendable, CaseIterable {
    case json, junit, html, tap

    public func render(_ report: SuiteReport) -> String {
        switch self {
        case .json: JSONReport(report).text
        case .junit: JUnitReport(report).text
        case .html: HTMLReport(report).text
        case .tap: TAPReport(report).text
        }
    }
}
