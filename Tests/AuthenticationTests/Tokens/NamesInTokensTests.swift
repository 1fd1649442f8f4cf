import SimpleAICore
import Testing

@testable import Authentication

/// Names are compared as bytes, and have no other meaning than a name.
@Suite struct NamesInTokensTests {
    private func claims(_ more: String, subject: String = #""alice""#) throws -> Claims {
        try Claims(json: Array(#"{"iss":"i","sub":\#(subject),"exp":1,\#(more)}"#.utf8))
    }

    private func roles(_ more: String, at path: IssuerConfiguration.ClaimPath = .dotted("roles")) throws -> Set<Role> {
        try claims(more).roles(at: [path])
    }

    private func subject(_ text: String) throws -> SubjectID {
        try claims(#""a":1"#, subject: text).subject(at: [.dotted("sub")])
    }

    @Test func distinguishesCanonicallyEquivalentSubjects() throws {
        let kevin = try claims(#""a":1"#, subject: #""Kevin""#)
        let kelvin = try claims(#""a":1"#, subject: #""\u212Aevin""#)
        let configuration = IssuerConfiguration(issuer: "i", audience: .any)
        let (first, second) = (try kevin.caller(under: configuration), try kelvin.caller(under: configuration))
        #expect(first.id != second.id)
    }

    @Test(arguments: [
        #""a\nb""#, #""a\r\nb""#, #""\u001b[2J""#, #""a\u202eb""#, #""a\u0000""#, #""   ""#, #""a\u2028""#,
    ])
    func refusesSubjectsThatAreNotNames(_ subject: String) {
        #expect(throws: TokenFault.unusableSubject) { try self.subject(subject) }
    }

    @Test func acceptsQuotationMarksAndOtherScripts() throws {
        #expect(try subject(#""a\" status=200 caller=\"b""#) == #"a" status=200 caller="b"#)
        #expect(try subject(#""CN=Zoë,OU=研究""#) == "CN=Zoë,OU=研究")
    }

    @Test func distinguishesCanonicallyEquivalentClaims() throws {
        // These are not duplicates, and neither is read in place of the other.
        #expect(try roles(#""K":["a"],"\u212A":["b"]"#, at: .dotted("K")) == ["a"])
        #expect(try roles(#""K":["a"],"\u212A":["b"]"#, at: .keys(["\u{212A}"])) == ["b"])
        #expect(throws: TokenFault.duplicateClaim) { try claims(#""K":1,"K":2"#) }
    }

    @Test func distinguishesCanonicallyEquivalentRoles() throws {
        #expect(try roles(#""roles":["K","\u212A"]"#).count == 2)
    }

    @Test func ignoresRolesThatAreNotNames() throws {
        #expect(try roles(#""roles":["a","b\r\nc","","d\u0000"]"#) == ["a"])
    }
}
