import SimpleAICore
import TestSupport
import Testing

@testable import RunnerProtocol

/// Messages that only a hostile peer sends.
@Suite struct HostileMessageTests {
    @Test(arguments: ["", "null", "7", "[]", "{", "\u{0}", #"{"type":7}"#, #"{"typ":"heartbeat"}"#, "\"heartbeat\""])
    func textThatIsNotAMessageIsRefused(_ text: String) {
        #expect(throws: MessageFault.self) { try MessageCodec.runnerMessage(text) }
        #expect(throws: MessageFault.self) { try MessageCodec.gatewayMessage(text) }
    }

    @Test(arguments: [
        (#"{"type":"heartbeat"}"#, "health"),
        (#"{"type":"register","runner_id":7,"status":{"health":"healthy"}}"#, "runner_id"),
        (#"{"type":"register","runner_id":"a"}"#, "status"),
        (#"{"type":"register","runner_id":"a","status":{"health":"healthy"},"auth_token":[]}"#, "auth_token"),
        (#"{"type":"register","runner_id":"a","status":{"health":"healthy"},"http_port":"x"}"#, "http_port"),
        (#"{"type":"heartbeat","health":"healthy","engines":[{"is_healthy":"yes"}]}"#, "engines.Index 0.is_healthy"),
        (#"{"type":"command_response","success":true}"#, "request_id"),
    ])
    func theFaultNamesTheField(_ text: String, _ field: String) {
        #expect(throws: MessageFault.self) { try MessageCodec.runnerMessage(text) }
        do {
            _ = try MessageCodec.runnerMessage(text)
        } catch {
            let last = field.split(separator: ".").last.map(String.init) ?? field
            #expect(error.description.contains(last))
        }
    }

    @Test func messageSizeIsLimited() {
        let text = #"{"type":"heartbeat","health":""# + String(repeating: "x", count: MessageCodec.maxMessage) + "\"}"
        #expect(throws: MessageFault.tooLarge) { try MessageCodec.runnerMessage(text) }
    }

    @Test func deepNestingIsRefused() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: MessageFault.self) {
            try MessageCodec.runnerMessage(#"{"type":"heartbeat","health":"healthy","metrics":"# + deep + "}")
        }
    }

    private func heartbeat(_ change: (inout RunnerStatus) -> Void) -> String {
        var status = RunnerStatus(health: .healthy)
        change(&status)
        return MessageCodec.text(.heartbeat(status))
    }

    @Test func listsAndNamesAreLimited() {
        let engine = EngineStatus(engineType: "x", isHealthy: true)
        let texts = [
            heartbeat { $0.engines = Array(repeating: engine, count: MessageCodec.maxEngines + 1) },
            heartbeat { status in
                status.engines = (0..<3).map { number in
                    var engine = engine
                    engine.loadedModels = (0..<MessageCodec.maxEntries).map { "m\(number).\($0)" }
                    return engine
                }
            },
            heartbeat { status in
                for index in 0...MessageCodec.maxEntries { status.modelAliases[ModelID("m\(index)")] = "e" }
            },
        ]
        for text in texts {
            #expect { try MessageCodec.runnerMessage(text) } throws: { error in
                if case MessageFault.excessive = error { true } else { false }
            }
        }
    }

    /// Cut and changed at every position, the input yields only faults and messages.
    @Test func mutatedMessagesNeverTrap() {
        var generator = SeededGenerator(seed: 7)
        for (_, text) in GoldenMessageTests.runnerMessages {
            let bytes = Array(text.utf8)
            for cut in stride(from: 0, to: bytes.count, by: 3) {
                _ = try? MessageCodec.runnerMessage(String(decoding: bytes[..<cut], as: UTF8.self))
                var changed = bytes
                changed[cut] = UInt8.random(in: 0...255, using: &generator)
                _ = try? MessageCodec.runnerMessage(String(decoding: changed, as: UTF8.self))
            }
        }
    }
}
