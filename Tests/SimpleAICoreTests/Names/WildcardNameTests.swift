import SimpleAICore
import TestSupport
import Testing

@Suite struct WildcardNameTests {
    @Test(
        arguments: [
            ("gpt-4o", ["gpt-4o"], ["gpt-4", "gpt-4oo", "GPT-4o", ""]),
            ("gpt-4o-mini*", ["gpt-4o-mini", "gpt-4o-mini-2024-07-18"], ["gpt-4o", "xgpt-4o-mini"]),
            (
                "claude-*-haiku-*", ["claude-3-haiku-1", "claude--haiku-", "claude-a-haiku-b-haiku-c"],
                ["claude-haiku-1"]
            ),
            ("*", ["", "a", "漢"], []), ("a*b*c", ["abc", "aXbYc", "abcbc"], ["ab", "acb", "abcd"]),
            ("**", ["", "x"], []), ("a?c", ["a?c"], ["abc"]), ("K*", ["K", "Kx"], ["\u{212A}"]),
        ] as [(WildcardName, [String], [String])])
    func matchesByBytes(_ pattern: WildcardName, _ matching: [String], _ others: [String]) {
        for name in matching { #expect(pattern.matches(name), "\(name)") }
        for name in others { #expect(!pattern.matches(name), "\(name)") }
    }

    @Test(
        arguments: [
            ("a*", "*b", true), ("a*", "b*", false), ("a*c", "ab*", true), ("*a", "*b", false), ("a*b", "ab", true),
            ("abc", "abc", true), ("abc", "abd", false), ("*", "", true), ("", "a", false), ("a*a", "a", false),
            ("x*y*z", "*yy*", true), ("gpt-4*", "gpt-5*", false),
        ] as [(WildcardName, WildcardName, Bool)])
    func overlapIsFoundInBothDirections(_ left: WildcardName, _ right: WildcardName, _ expected: Bool) {
        #expect(left.overlaps(right) == expected && right.overlaps(left) == expected)
    }

    /// Compared with all names of up to four letters.
    @Test func overlapAgreesWithMatching() {
        var random = SeededGenerator(seed: 17)
        var names = [""]
        var longest = [""]
        for _ in 0..<4 {
            longest = longest.flatMap { ["\($0)a", "\($0)b"] }
            names += longest
        }
        for _ in 0..<400 {
            func pattern() -> WildcardName {
                WildcardName(
                    String(
                        (0..<Int.random(in: 0...3, using: &random)).map { _ in
                            "ab*".randomElement(using: &random) ?? "*"
                        }))
            }
            let (left, right) = (pattern(), pattern())
            let common = names.contains { left.matches($0) && right.matches($0) }
            #expect(left.overlaps(right) == common, "\(left) \(right)")
        }
    }

    @Test func theExactNameIsMostSpecificThenTheLongestLiteralPart() {
        let names: [WildcardName] = ["*", "claude-*", "claude-*-haiku", "c*"]
        #expect(names.sorted { $0.isMoreSpecific(than: $1) }.map(\.text) == ["claude-*-haiku", "claude-*", "c*", "*"])
        #expect(WildcardName("a").isMoreSpecific(than: "abc*") && !WildcardName("abc*").isMoreSpecific(than: "a"))
    }
}
