import SimpleAICore
import Testing

@testable import RunnerProtocol

/// Names that agents state: an unusable one does not affect the others.
@Suite struct OddNamesTests {
    private func status(_ json: String) throws -> RunnerStatus? {
        guard
            case .heartbeat(let status)? = try MessageCodec.runnerMessage(
                #"{"type":"heartbeat","health":"healthy",\#(json)}"#)
        else { return nil }
        return status
    }

    @Test(arguments: [
        #""a\r\nX-Evil: 1""#, #""a\n\ndata: {}""#, #""a\u001b[2J""#, #""a\u202eb""#, #""""#, "null", "7", "{}",
    ])
    func onlyTheUnusableModelIsOmitted(_ name: String) throws {
        let status = try #require(
            try status(
                #""engines":[{"is_healthy":true,"loaded_models":["x",\#(name),"y"],"available_models":[{"id":"x"},"#
                    + #"{"id":\#(name)},{"name":"no id"},{"id":"y","size_bytes":"12"}]}]"#))
        let engine = try #require(status.engines.first)
        #expect(engine.loadedModels == ["x", "y"])
        #expect(engine.availableModels.map(\.id) == ["x", "y"])
        #expect(engine.availableModels.last?.sizeBytes == 12, "a number that stands in a string")
        #expect(status.allOmitted.count == 3)
        #expect(status.allOmitted.reason?.isEmpty == false)
    }

    @Test func onlyTheUnusableAliasIsOmitted() throws {
        let status = try #require(
            try status(#""model_aliases":{"a":"x","b\r\n":"y","c":"z\u0000","d":7,"\u212A":"k1","K":"k2"}"#))
        // Foundation would treat the last two as equal.
        #expect(status.modelAliases == ["a": "x", "\u{212A}": "k1", "K": "k2"])
        #expect(status.allOmitted.count == 3)
    }

    @Test func listsAreLimited() throws {
        let names = (0..<5_000).map { "\"m\($0)\"" }.joined(separator: ",")
        let status = try #require(try status(#""engines":[{"is_healthy":true,"loaded_models":[\#(names),"m0"]}]"#))
        #expect(status.engines.first?.loadedModels.count == MessageCodec.maxEntries)
        #expect(status.allOmitted.count == 5_001 - MessageCodec.maxEntries)
    }

    @Test func nothingIsOmittedFromAValidStatus() throws {
        for (message, _) in GoldenMessageTests.runnerMessages {
            if case .heartbeat(let status) = message { #expect(status.allOmitted == OmittedEntries()) }
        }
    }

    /// An agent's own names: the error states what is wrong with them.
    @Test(arguments: [
        #""runner_id":"a\r\nb""#, #""runner_id":"a","runner_name":"\u001b[2J""#,
        #""runner_id":"a","machine_type":"gpu\u202e""#,
    ])
    func registrationsAreRefused(_ fields: String) {
        let text = #"{"type":"register",\#(fields),"status":{"health":"healthy"}}"#
        #expect {
            try MessageCodec.runnerMessage(text)
        } throws: { error in
            if case MessageFault.unusable = error {
                !"\(error)".unicodeScalars.contains { !$0.isVisible }
            } else {
                false
            }
        }
    }
}
