import SimpleAICore
import Testing

@Suite struct OperatorReasonTests {
    @Test func isReadableBoundedAndHarmless() {
        #expect(OperatorReason("exit code 1:\nno permission").description == "exit code 1:\nno permission")
        #expect(OperatorReason("exit code 1:\nno permission").firstLine == "exit code 1:")
        #expect(OperatorReason("a\u{1B}[31mred\u{7}\u{202E}b").description == "a [31mred b")
        for nothing in ["", " \n\t", "\u{202E}"] {
            #expect(OperatorReason(nothing).description == "no reason was given")
        }
    }

    @Test(arguments: ["x", "é", "🦙"]) func isTruncatedAtACharacter(_ character: String) {
        let reason = OperatorReason(String(repeating: character, count: 5_000)).description
        #expect(reason.utf8.count <= OperatorReason.maxLength + "…".utf8.count)
        #expect(reason.dropLast().allSatisfy { String($0) == character } && reason.last == "…")
    }
}
