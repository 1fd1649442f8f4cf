import SimpleAICore
import Testing

@Suite struct NamePatternTests {
    @Test(arguments: [
        ("llama3:8b", "llama3:8b", true), ("llama3:8b", "llama3:8B", false), ("llama3:8b", "llama3:8b ", false),
        ("llama3:*", "llama3:8b", true), ("llama3:*", "llama3:", true), ("llama3:*", "llama3", false),
        ("*", "", true), ("*", "anything/at:all", true), ("", "", true), ("", "x", false), ("**", "x", true),
        ("*:8b", "llama3:8b", true), ("*:8b", "llama3:8b:8b", true), ("*:8b", "llama3:8bx", false),
        ("a*b*c", "abc", true), ("a*b*c", "axxbxbxc", true), ("a*b*c", "axxbxb", false),
        ("?", "x", true), ("?", "", false), ("?", "xy", false), ("?", "é", true), ("a?c", "aéc", true),
        ("llama?:*", "llama3:8b", true), ("llama?:*", "llama:8b", false), ("*?", "", false), ("*?", "é", true),
        // The Kelvin sign is not a K.
        ("K", "\u{212A}", false), ("[a-z]", "b", false), (".*", "x", false),
    ])
    func matches(pattern: String, name: String, isMatch: Bool) {
        #expect(NamePattern(pattern).matches(name) == isMatch)
    }

    /// Patterns that take exponential time in other matchers.
    @Test func matchesInPolynomialTime() {
        let pattern = NamePattern(String(repeating: "a*", count: 200) + "b")
        #expect(!pattern.matches(String(repeating: "a", count: 20_000)))
    }
}
