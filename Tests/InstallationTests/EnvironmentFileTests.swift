import Testing

@testable import Installation

/// The syntax of systemd's `EnvironmentFile=`: in the cases that its parser distinguishes.
@Suite struct EnvironmentFileTests {
    private static func table(_ text: String) -> [String: String] {
        Dictionary(EnvironmentFile(text).variables.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    }

    @Test(
        arguments: [
            ("A=1", ["A": "1"]), ("A=1\nB=2\n", ["A": "1", "B": "2"]), ("A=1\r\nB=2\r\n", ["A": "1", "B": "2"]),
            ("A=1\nA=2", ["A": "2"]), ("  A =  1  ", ["A": "1"]), ("A=", ["A": ""]), ("A=\nB=1", ["A": "", "B": "1"]),
            ("A=a b  c ", ["A": "a b  c"]), ("A=x=y", ["A": "x=y"]), ("A=x#y ;z", ["A": "x#y ;z"]),
            ("# A=1\n; B=2\n  # C=3\nD=4", ["D": "4"]), ("# c \\\nA=1", ["A": "1"]),
            ("A='x y' \"z\"", ["A": "x yz"]), ("A=\"x\ny\"", ["A": "x\ny"]),
            ("A='x\ny'\nB=1", ["A": "x\ny", "B": "1"]),
            (#"A='\n$x"'"#, ["A": #"\n$x""#]), (#"A="\"\\\$\`\n""#, ["A": #""\$`\n"#]), ("A=\"x\\\ny\"", ["A": "xy"]),
            (##"A=x\ y\#"##, ["A": "x y#"]), ("A=x\\\ny", ["A": "xy"]), (#"A=x\ "#, ["A": "x "]),
            (#"A=x"y"z"#, ["A": #"x"y"z"#]),
            ("A=$HOME/${B}", ["A": "$HOME/${B}"]), ("export A=1", [:]), ("1A=1", [:]), ("A-B=1", [:]), ("=1", [:]),
            ("A", [:]), ("A\nB=1", ["B": "1"]), ("", [:]), ("A=\"x", ["A": "x"]), ("A='x", ["A": "x"]),
            ("A=\u{7}", [:]),
            ("A=ä 語", ["A": "ä 語"]),
        ] as [(String, [String: String])])
    func `values are those of systemd`(text: String, variables: [String: String]) {
        #expect(Self.table(text) == variables)
    }

    @Test func `a large file is read in linear time`() {
        let variables = Self.table("A=" + String(repeating: "x ", count: 500_000) + "y\nB=1")
        #expect(variables["A"]?.utf8.count == 1_000_001)
        #expect(variables["B"] == "1")
    }
}
