/// A report format that is written to a file.
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
