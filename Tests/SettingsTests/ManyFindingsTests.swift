import Testing

@testable import Settings

/// Files with more problems than are listed.
@Suite(.timeLimit(.minutes(2))) struct ManyFindingsTests {
    @Test func theFirstProblemsAreListedAndTheOthersCounted() {
        let found = problems(minimal + (1...5_000).map { "unknown_\($0): 1\n" }.joined())
        #expect(found.count == 101)
        for number in 1...100 {
            #expect(found[number - 1].hasPrefix("s.yaml:\(number + 1): unknown_\(number): is unknown; "))
        }
        #expect(found.last == "s.yaml: and 4900 more; fix those above, then check the file again")
    }

    @Test func oneHundredProblemsAreAllListed() {
        let found = problems(minimal + (1...100).map { "unknown_\($0): 1\n" }.joined())
        #expect(found.count == 100 && found.last?.hasPrefix("s.yaml:101: unknown_100") == true)
    }

    /// The program reads tables in its own order; reports follow the file's order.
    @Test func problemsAreListedInTheFilesOrder() {
        let unknown = (1...300).map { "unknown_\($0): 1\n" }.joined()
        let found = problems(minimal + "server:\n  port: x\n" + unknown + "runners:\n- {id: 5, url: nowhere}\n")
        #expect(found.count == 101)
        #expect(found.first?.hasPrefix("s.yaml:3: server.port: ") == true)
        #expect(found[1].hasPrefix("s.yaml:4: unknown_1: ") && found[99].hasPrefix("s.yaml:102: unknown_99: "))
    }

    @Test func warningsAreBoundedToo() throws {
        let models = (1...500).map { "  class\($0): [model\($0)]\n" }.joined()
        let found = try warnings(
            minimal + "default_class: class1\nclasses:\n" + models
                + "runners:\n- {id: r, url: 'http://a', models: [modell3]}\n")
        #expect(found.count == 101)
        #expect(
            found.contains { $0.hasPrefix("s.yaml:6: classes.class3: no runner lists model3; did you mean modell3?") })
        #expect(found.last == "s.yaml: and 400 more")
        let loaded = try SettingsFile.parse(minimal, name: "s.yaml", environment: [:])
        let others = (1...150).map { SettingsProblem(file: "s.yaml", line: $0, key: "", message: "x") }
        #expect(loaded.warnings(and: others).count == loaded.warnings.count + 101)
        #expect(loaded.warnings(and: others).last?.description == "s.yaml: and 50 more")
        #expect(loaded.warnings(and: Array(others.prefix(100))).count == loaded.warnings.count + 100)
    }

    /// A key may be as long as the file.
    @Test func aLongKeyIsTruncated() throws {
        let found = problems(minimal + String(repeating: "k", count: 1_000) + ": 1\n")
        #expect(found.count == 1)
        #expect(try #require(found.first).utf8.count < 700)
    }

    /// Suggestions for misspelt names are computed only where they are printed.
    @Test func suggestionsAreComputedOnlyForListedProblems() {
        var findings = SettingsFindings()
        var searches = 0
        for line in (1...2_000).reversed() {
            findings.add("is unknown", at: .root["key\(line)"], SettingsPlace(file: "s.yaml", line: line)) {
                searches += 1
                return "; did you mean it?"
            }
        }
        #expect(searches == 0 && findings.count == 2_000)
        let listed = findings.listed(.problems)
        #expect(searches == 100 && listed.count == 101)
        #expect(listed.first?.description == "s.yaml:1: key1: is unknown; did you mean it?")
        #expect(listed.last?.description == "s.yaml: and 1900 more; fix those above, then check the file again")
    }

    @Test func aProblemIncludesItsParents() {
        let report = SettingsReport()
        report.problem("x", at: .root["a"]["b"][3]["c"], place: SettingsPlace(file: "s.yaml", line: 1))
        for path in [SettingsPath.root["a"], .root["a"]["b"], .root["a"]["b"][3], .root["a"]["b"][3]["c"]] {
            #expect(report.hasProblem(at: path), "\(path)")
        }
        for path in [SettingsPath.root["b"], .root["a"]["c"], .root["a"]["b"][2], .root["a"]["b"][3]["c"]["d"]] {
            #expect(!report.hasProblem(at: path), "\(path)")
        }
    }
}
