@testable import Settings

extension FuzzTarget {
    /// A settings file: any text is either accepted or refused with a problem and its place.
    static let settings = FuzzTarget(
        "settings",
        seeds: [
            "server:\n  host: 127.0.0.1\n  port: 8080\n  drain: 30s\n  max_body: 32MiB\nauth:\n  mode: none\n",
            "auth:\n  issuers:\n    - issuer: https://a.example\n      audience: [a, b]\n      role_claims: [roles, [x, y.z]]\n",
            "classes:\n  fast: [\"llama3:8b\"]\ndefault_class: fast\nrunners:\n  - id: r\n    url: http://h:1\n    wake: { mac: \"AA:BB:CC:DD:EE:FF\" }\n",
            "routing: { policy: round_robin, timeouts: { first_byte: 5m, total: 0s } }\nkeepalive: { after: \"${A:-5s}\" }\n",
            "x: &a [1, 2]\ny: *a\nz: !!binary aGk=\n? complex\n: |\n  text\n...\n---\nb: 1\n",
        ],
        words: [
            "\n", "  ", "- ", ": ", "{", "}", "[", "]", "&a ", "*a", "!!int ", "<<: ", "${HOME}", "${", "${A:-", "null",
            "~",
            "1e400", "99999999999999999999", "-1s", "s", "0x7f", "|", ">", "'", "\"", "\t", "\u{FEFF}", "\0",
            "runners:", "tls:",
        ]
    ) { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        // Including the line breaks of YAML 1.1.
        let lines = text.unicodeScalars.count { "\n\r\u{85}\u{2028}\u{2029}".unicodeScalars.contains($0) } + 2
        let problems: [SettingsProblem]
        do throws(SettingsError) {
            problems = try SettingsFile.parse(text, name: "fuzz.yaml", environment: ["A": "7s", "HOME": "home"])
                .warnings
        } catch {
            try require(!error.problems.isEmpty, "refused without a reason")
            problems = error.problems
        }
        for problem in problems { try check(problem, lines) }
    }

    private static func check(_ problem: SettingsProblem, _ lines: Int) throws(Finding) {
        try require(!problem.message.isEmpty, "a problem without words")
        try require((0...lines).contains(problem.line), "line \(problem.line) of \(lines): \(problem)")
    }
}
