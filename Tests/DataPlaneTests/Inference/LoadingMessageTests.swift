import Relay
import SimpleAICore
import TestSupport
import Testing

@testable import DataPlane

/// The engine's message while its caller waited for loading is part of the error that ends the wait.
@Suite struct LoadingMessageTests {
    private func waiting(_ words: String...) throws -> CallState {
        var state = CallState()
        _ = state.handle(.authorized(try Sample.authorized()))
        for (number, words) in words.enumerated() {
            _ = state.handle(.placed(Sample.lease(UInt64(number + 1))))
            _ = state.handle(.documentReceived(Sample.document(503, words, runnerHasServed: false)))
        }
        return state
    }

    private func message(_ actions: [CallState.Action]) -> String? {
        for case .respond(let error) in actions { return error.message }
        return nil
    }

    @Test func theLastMessageIsQuoted() throws {
        var state = try waiting("Loading model", #"{"error":{"message":"Loading model: 80%"}}"#)
        #expect(
            message(state.handle(.placementRefused(Sample.error))) == "none The engine reported: Loading model: 80%")
        state = try waiting("Loading model")
        #expect(message(state.handle(.totalTimeExpired))?.hasSuffix(" The engine reported: Loading model") == true)
    }

    @Test func emptyMessagesAreNotQuoted() throws {
        var state = try waiting("")
        #expect(message(state.handle(.placementRefused(Sample.error))) == "none")
    }

    /// The message of an engine that the call has moved away from is not relevant.
    @Test func messagesOfAPreviousEngineAreNotQuoted() throws {
        var state = try waiting("Loading model")
        _ = state.handle(.placed(Sample.lease(7, "r2")))
        _ = state.handle(.upstreamFailed(.refused))
        let said = message(state.handle(.placementRefused(Sample.error)))
        #expect(said == "The runner is unreachable.")
    }
}
