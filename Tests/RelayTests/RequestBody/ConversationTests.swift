import NIOCore
import SimpleAICore
import Testing

@testable import Relay

/// The key by which `prefix_affinity` recognises a conversation: its beginning, which its later calls share.
@Suite struct ConversationTests {
    private func fingerprint(
        _ text: String, _ endpoint: Endpoint = .chatCompletions
    ) throws -> PrefixFingerprint? {
        var body = CallBody()
        try body.append(ByteBuffer(string: text))
        _ = try body.finish(endpoint: endpoint, id: "c", defaultClass: "fast")
        return body.conversation(of: endpoint)
    }

    private func chat(_ messages: (role: String, content: String)...) throws -> PrefixFingerprint {
        let list = messages.map { #"{"role":"\#($0.role)","content":"\#($0.content)"}"# }.joined(separator: ",")
        return try #require(try fingerprint(#"{"model":"m","messages":[\#(list)]}"#))
    }

    @Test func laterTurnsAreTheSameConversation() throws {
        let first = try chat(("system", "Be kind."), ("user", "Hello"))
        let later = try chat(
            ("system", "Be kind."), ("user", "Hello"), ("assistant", "Hi!"), ("user", "How are you?"))
        #expect(first == later)
        let bare = try chat(("user", "Hello"))
        #expect(bare == (try chat(("user", "Hello"), ("assistant", "Hi!"), ("user", "Bye"))))
    }

    /// A system prompt that all callers share must not make all their calls one conversation.
    @Test func anotherQuestionOrPromptIsAnotherConversation() throws {
        let first = try chat(("system", "Be kind."), ("user", "Hello"))
        #expect(first != (try chat(("system", "Be kind."), ("user", "Good morning"))))
        #expect(first != (try chat(("system", "Be brief."), ("user", "Hello"))))
    }

    @Test func otherFieldsDoNotChangeTheConversation() throws {
        let plain = try fingerprint(#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#)
        let other = try fingerprint(#"{"stream":true,"messages":[{"role":"user","content":"x"}],"model":"class:big"}"#)
        #expect(plain != nil && plain == other)
    }

    @Test func promptsAreIdentifiedByTheirText() throws {
        let prompt = try fingerprint(#"{"model":"m","prompt":"Once upon a time"}"#, .completions)
        #expect(prompt != nil)
        #expect(prompt == (try fingerprint(#"{"prompt":"Once upon a time","model":"n"}"#, .completions)))
        #expect(prompt != (try fingerprint(#"{"model":"m","prompt":"Twice upon a time"}"#, .completions)))
    }

    @Test func withoutMessagesThereIsNoFingerprint() throws {
        #expect(try fingerprint(#"{"model":"m","messages":[]}"#) == nil)
    }
}
