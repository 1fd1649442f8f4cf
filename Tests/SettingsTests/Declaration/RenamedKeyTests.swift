import Testing

@testable import Settings

/// A renamed key is accepted under its former name for one release.
@Suite struct RenamedKeyTests {
    /// A section with renamed keys, one of them a table.
    private struct Example: SettingsSection, Hashable {
        struct Part: SettingsSection, Hashable {
            var limit = 1
            /// No key sets it.
            var undeclared = 1
            static var defaults: Self { .init() }
            static var keys: [Key<Self>] {
                Key("max_count", \.limit, .integer(0...9), "A limit.").renamed(from: "limit")
            }
        }

        var grace: Duration = .seconds(5)
        var part = Part()
        var parts: [Part] = []

        static var defaults: Self { .init() }
        static var keys: [Key<Self>] {
            Key("grace", \.grace, .duration(), "A time.").renamed(from: "grace_period")
            Key.section("part", \.part, "A table.").renamed(from: "section")
            Key("parts", \.parts, as: .sections(Part.self), "Tables.") { table, example in
                table.tables("parts") { table in
                    var part = Part()
                    part.read(from: &table)
                    example.parts.append(part)
                }
            }
        }
    }

    private func read(
        _ text: String, environment: [String: String] = [:]
    ) throws -> (example: Example, problems: [String], warnings: [String]) {
        let report = SettingsReport()
        let environment = SettingsEnvironment(variables: environment)
        var tree = try SettingsDocument.tree(of: text, name: "s.yaml", environment: environment, report: report)
        environment.override(&tree, report: report)
        var example = Example()
        example.read(&tree, report: report)
        return (
            example, report.problems.listed(.problems).map(\.description),
            report.warnings.listed(.warnings).map(\.description)
        )
    }

    @Test func theFormerNameIsReadWithAWarning() throws {
        let (example, problems, warnings) = try read(
            "grace_period: 7s\nsection:\n  limit: 2\nparts:\n  - limit: 3\n  - max_count: 4\n")
        #expect(problems == [])
        #expect(
            example == Example(grace: .seconds(7), part: .init(limit: 2), parts: [.init(limit: 3), .init(limit: 4)]))
        #expect(
            warnings == [
                "s.yaml:1: grace_period: is now called `grace`; rename it, because the next release refuses the former name",
                "s.yaml:2: section: is now called `part`; rename it, because the next release refuses the former name",
                "s.yaml:3: part.limit: is now called `max_count`; rename it, because the next release refuses the former "
                    + "name",
                "s.yaml:5: parts[0].limit: is now called `max_count`; rename it, because the next release refuses the "
                    + "former name",
            ])
    }

    @Test func theCurrentNameCausesNoWarning() throws {
        let (example, problems, warnings) = try read("grace: 7s\npart: {max_count: 2}\n")
        #expect(example.grace == .seconds(7) && example.part.limit == 2 && problems == [] && warnings == [])
    }

    @Test func bothNamesConflict() throws {
        let (example, problems, _) = try read("grace: 7s\ngrace_period: 8s\n")
        #expect(
            problems == ["s.yaml:2: grace_period: is the former name of `grace`, which is set as well; remove it"])
        #expect(example.grace == .seconds(7))
    }

    @Test func invalidValuesKeepTheirLine() throws {
        let (_, problems, _) = try read("part: {}\ngrace_period: soon\n")
        #expect(problems.count == 1 && problems[0].hasPrefix("s.yaml:2: grace: \"soon\" is not a duration"))
    }

    @Test func environmentVariablesMayHaveTheFormerName() throws {
        let (example, problems, warnings) = try read("part: {}\n", environment: ["SIMPLEAI__GRACE_PERIOD": "9s"])
        #expect(example.grace == .seconds(9) && problems == [])
        #expect(
            warnings.count == 1 && warnings[0].hasPrefix("environment variable SIMPLEAI__GRACE_PERIOD: grace_period"))
    }

    @Test func changesHaveTheCurrentName() {
        let (adopted, changes) = Example().applying(Example(grace: .seconds(7)))
        #expect(adopted.grace == .seconds(7))
        #expect(changes == [SettingsChange("grace", from: "5s", to: "7s")])
    }

    @Test func aPropertyWithoutAKeyNeedsARestart() {
        var new = Example()
        new.part.undeclared = 2
        let (adopted, changes) = Example().applying(new)
        #expect(adopted == Example())
        #expect(changes == [SettingsChange("other keys", from: nil, to: nil, needsRestart: true)])
    }

    @Test func theSchemaDeprecatesTheFormerName() {
        let schema = OrderedJSON.schema(of: Example.declarations, title: "", description: "").text
        #expect(schema.contains("\"grace_period\": {\n      \"description\": \"Renamed to `grace`.\""))
        #expect(schema.contains("\"deprecated\": true"))
    }
}
