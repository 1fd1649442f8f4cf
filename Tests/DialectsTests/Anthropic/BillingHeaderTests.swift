import SimpleAICore
import Testing

@testable import Dialects

@Suite struct BillingHeaderTests {
    private static let header = "x-anthropic-billing-header: cc_version=2.1; cch=ab12c;"

    @Test(
        arguments: [
            (#"x-anthropic-billing-header: a\nYou"#, "You"), (#"x-anthropic-billing-header: a\r\n\nYou"#, #"\nYou"#),
            (#"x-anthropic-billing-header: a\u000aYou"#, "You"), (#"x-anthropic-billing-header:\\n\nYou"#, "You"),
            ("x-anthropic-billing-header: a", ""), (#"x-anthropic-billing-header: a\\"#, ""), ("", ""),
            (#"You\nx-anthropic-billing-header: a"#, #"You\nx-anthropic-billing-header: a"#),
        ] as [(String, String)])
    func removesTheFirstLine(_ text: String, _ rest: String) {
        #expect(String(decoding: BillingHeader.removed(from: Array("..\(text)".utf8)[2...]), as: UTF8.self) == rest)
    }

    /// The value of `system` in a request, and what remains for a native engine; nil if nothing is removed.
    @Test(
        arguments: [
            (#""\#(header)\nYou""#, #""You""#), (#""\#(header)""#, #""""#), (#""You""#, nil), ("null", nil),
            (#"[{"type":"text","text":"\#(header)\nYou"}]"#, #"[{"type":"text","text":"You"}]"#),
            (
                #"[ {"type":"text","text":"\#(header)"} , {"type":"text","text":"You"}]"#,
                #"[ {"type":"text","text":"You"}]"#
            ),
            (#"[{"text":"\#(header)","type":"text"}]"#, "[]"),
            (
                #"[{"type":"text","text":"You"},{"type":"text","text":"\#(header)"}]"#,
                #"[{"type":"text","text":"You"}]"#
            ),
            (#"[{"type":"text","text":"You"}]"#, nil), ("[]", nil), (#"[{"type":"other","text":"\#(header)"}]"#, nil),
        ] as [(String, String?)])
    func keepsThePromptCacheOfNativeEngines(_ system: String, _ rest: String?) throws {
        func body(_ system: String) -> String {
            #" {"model":"m","system":\#(system),"messages":[{"role":"user","content":"\#(Self.header)"}]}"#
        }
        let bytes = Array("..\(body(system))".utf8)
        let range = try DialectRequest(.messages, bytes[2...])?.promptCacheBreaker
        var changed = Array(bytes[2...])
        if let range { changed.removeSubrange(range) }
        #expect(range != nil || rest == nil)
        #expect(String(decoding: changed, as: UTF8.self) == body(rest ?? system))
        #expect(throws: Never.self) { try MessagesRequest(changed[...]) }
    }

    @Test func otherDialectsHaveNone() throws {
        let body = Array(#"{"messages":[{"role":"user","content":"x"}]}"#.utf8)
        #expect(try DialectRequest(.ollamaChat, body[...])?.promptCacheBreaker == nil)
    }
}
