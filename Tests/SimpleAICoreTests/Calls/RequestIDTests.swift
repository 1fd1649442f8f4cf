import SimpleAICore
import Testing

@testable import SimpleAICore

@Suite struct RequestIDTests {
    @Test(arguments: ["a", "req-1", "!~", String(repeating: "x", count: 128), "{\"a\":1}"])
    func keepsAValidID(_ stated: String) {
        #expect(RequestID.id(stated: stated).rawValue == stated)
    }

    @Test(
        arguments: [nil, "", " ", "a b", "a\n", "\u{7F}", "é", "a\u{0}", String(repeating: "x", count: 129)]
            as [String?])
    func replacesAnInvalidID(_ stated: String?) throws {
        let id = RequestID.id(stated: stated).rawValue
        #expect(id != stated)
        #expect(id.hasPrefix("req-"))
        #expect(id.utf8.count == 20)
        #expect(RequestID.id(stated: id).rawValue == id)
    }

    @Test func newIDsDiffer() {
        #expect(Set((0..<1000).map { _ in RequestID.id(stated: nil) }).count == 1000)
    }
}
