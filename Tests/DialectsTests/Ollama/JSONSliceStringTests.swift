import SimpleAICore
import Testing

/// `JSONSlice` skips strings eight bytes at a time: the end must be found at every offset.
@Suite struct JSONSliceStringTests {
    @Test func findsTheEndOfAStringAtEveryOffset() throws {
        for length in 0..<24 {
            for escape in ["\\\"", "\\\\", "\\n", "!", "#", "[", "é", "\u{7F}"] {
                for position in 0...length {
                    let text =
                        String(repeating: "a", count: position) + escape
                        + String(repeating: "b", count: length - position)
                    let document = Array("  {\"k\":\"\(text)\",\"x\":[\"\(text)\",7]}".utf8)
                    let slice = JSONSlice(checked: document[2...])
                    let expected = Array("\"\(text)\"".utf8)
                    #expect(slice["k"].map { Array($0.bytes) } == expected)
                    #expect(slice["x"]?.elements.map { Array($0.bytes) } == [expected, Array("7".utf8)])
                }
            }
        }
    }
}
