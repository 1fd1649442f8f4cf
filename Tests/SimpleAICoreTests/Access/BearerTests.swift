import Testing

@testable import SimpleAICore

@Suite struct BearerTests {
    @Test(
        arguments: [
            ("Bearer abc", "abc"), ("bearer abc", "abc"), ("BEARER abc", "abc"), ("Bearer   abc", "abc"),
            ("Bearer a.b-c_d~e+f/g==", "a.b-c_d~e+f/g=="), (nil, nil), ("", nil), ("Bearer", nil), ("Bearer ", nil),
            ("Bearer   ", nil),
            ("Basic abc", nil), ("abc", nil), (" Bearer abc", nil), ("Bearerabc", nil), ("Bearer:abc", nil),
            ("Bearer\tabc", nil),
        ] as [(String?, String?)])
    func readsTheToken(_ header: String?, _ token: String?) {
        #expect(Bearer.token(in: header) == token)
    }

    @Test func recognizesATokenWithoutCopyingIt() {
        let token = "eyJhbGciOi.J9.x-y_z"
        #expect(Bearer.isToken(token, of: "Bearer \(token)"))
        // Other spellings of the scheme are read again, not refused.
        for other in [
            "", token, "Bearer", "Bearer \(token.dropLast())", "Bearer \(token)x", "Bearer  \(token.dropLast())",
            "Bearer \(token.dropLast())Z", "bearer \(token)", "Bearer:\(token)", "Bearer \(token.dropFirst())\0",
        ] {
            #expect(!Bearer.isToken(token, of: other), "\(other)")
        }
        // A comparison of characters would equate a Kelvin sign with a K.
        #expect(!Bearer.isToken("\u{212A}", of: "Bearer Kxx"))
    }

    @Test func comparesCompleteTokens() {
        #expect(Bearer.isEqual("", ""))
        #expect(Bearer.isEqual("secret", "secret"))
        for other in ["", "secre", "secret ", "Secret", "secreT", "xecret"] {
            #expect(!Bearer.isEqual("secret", other))
        }
        // Canonically equivalent strings are not equal.
        #expect(!Bearer.isEqual("\u{212A}x", "Kx\u{0}\u{0}"))
    }
}
