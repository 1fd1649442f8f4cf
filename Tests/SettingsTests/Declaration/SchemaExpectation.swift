import Testing

@testable import Settings

/// Whether reading found a problem that a schema can find, too: an unknown key, a wrong shape or a wrong value of a
/// kind whose values the schema describes.
private func isVisibleToSchemas(_ problem: String) -> Bool {
    [
        "is unknown; ", "must be a table", "must be a list", "must be a single value", "is not a boolean",
        "is not a whole number", "is not a duration", "is not a size", "has no known unit", "is not a MAC address",
        "audience: is required", "url: is required; set the engine's URL, such as http://10", "[1]: is empty; set",
        "merge keys are not supported",
    ]
    .contains(where: problem.contains)
}

/// Checks the schema with every text that the tests read: it accepts each valid one, and refuses each with a problem
/// that a schema can find.
func expectSchema(
    _ format: SettingsFormat, agreesAbout text: String, problems: [String], environment: [String: String] = [:]
) {
    // Problems of variables, and values that only variables contain, are not in the text.
    guard !environment.keys.contains(where: { $0.hasPrefix("SIMPLEAI__") }),
        text.utf8.count < 200_000, !problems.contains(where: { $0.contains("YAML aliases") }),
        let document = OrderedJSON(yaml: text)
    else { return }
    do {
        let violations = try SchemaValidator(format).violations(document)
        if problems.isEmpty {
            #expect(violations == [], "the schema refuses valid settings:\n\(text)")
        } else if problems.contains(where: isVisibleToSchemas) {
            #expect(violations != [], "the schema accepts settings with these problems: \(problems)\n\(text)")
        }
    } catch {
        Issue.record(error)
    }
}
