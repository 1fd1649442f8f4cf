/// The output of `--list`: ids and requirements of all checks.
public enum CheckCatalogue {
    public static func text(for tests: [TestName]) -> String {
        tests.map { test in
            let width = test.checks.map(\.id.count).max() ?? 0
            let lines = test.checks.map { check in
                let id = check.id + String(repeating: " ", count: width - check.id.count)
                let level = check.level == .advisory ? " (advisory)" : ""
                let needs = check.needs.map { " [needs \($0)]" } ?? ""
                return "  \(id)  \(check.requirement)\(level)\(needs)"
            }
            return "\(test.rawValue): \(test.title)\n" + lines.joined(separator: "\n") + "\n"
        }.joined(separator: "\n")
    }
}
