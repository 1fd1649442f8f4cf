import NIOCore
import SimpleAICore
import Testing

@testable import Relay

/// What an agent reports about the endpoints of its models.
@Suite struct ReportedEndpointsTests {
    private static let chats: EndpointSet = .init([.chatCompletions, .messages])
    private static let vectors: EndpointSet = .init([.embeddings])

    private let support = EndpointSupport()

    @Test(
        arguments: [
            (["chat"], .chatCompletions, false), (["chat"], .embeddings, true), (["vectors"], .embeddings, false),
            // One of them can be served.
            (["chat", "vectors"], .embeddings, false), (["chat", "vectors"], .rerank, true),
            // Of the models of a class, those that the runner lacks do not matter.
            (["chat", "elsewhere"], .embeddings, true),
            (["unknown"], .rerank, false), (["chat", "unknown"], .rerank, false), (["elsewhere"], .rerank, false),
        ] as [([ModelID], Endpoint, Bool)])
    func aReportDecidesPerModel(models: [ModelID], endpoint: Endpoint, isMissing: Bool) {
        support.noteReported(["chat": Self.chats, "vectors": Self.vectors, "unknown": .all])
        let error = support.missing(endpoint, of: models)
        #expect((error != nil) == isMissing)
        #expect(error?.code == (isMissing ? .endpointNotSupported : nil))
    }

    @Test func withoutAReportNothingIsMissing() {
        #expect(support.missing(.rerank, of: ["m"]) == nil)
        support.noteReported(["m": .all])
        #expect(support.missing(.rerank, of: ["m"]) == nil)
        #expect(support.lackedBits == 0)
    }

    @Test func aReportReplacesThePreviousOneAndOutlivesTheMachinesSleep() {
        support.noteReported(["m": Self.vectors])
        support.forget()
        #expect(support.missing(.chatCompletions, of: ["m"]) != nil)
        // An agent whose engine has not started lists no models.
        support.noteReported([:])
        #expect(support.missing(.chatCompletions, of: ["m"]) != nil)
        support.noteReported(["m": Self.chats])
        #expect(support.missing(.chatCompletions, of: ["m"]) == nil)
    }

    @Test func settingsTakePrecedence() {
        let stated = EndpointSupport(stated: [.rerank])
        stated.noteReported(["m": Self.chats])
        #expect(stated.missing(.rerank, of: ["m"]) == nil)
        #expect(stated.missing(.chatCompletions, of: ["m"]) != nil)
    }

    /// A report names what may be served; responses still show what is not.
    @Test func responsesAddToAReport() {
        let now = NIODeadline.uptimeNanoseconds(1)
        let error = GatewayError(.endpointNotSupported, "no")
        support.noteReported(["a": Self.chats, "b": Self.chats])
        #expect(support.noteMissing(.messages, of: "a", error: error, now: now))
        #expect(support.missing(.messages, of: ["a"], now: now)?.message == "no")
        #expect(support.missing(.messages, of: ["a", "b"], now: now) == nil)
        #expect(support.missing(.messages, of: ["a", "elsewhere"], now: now)?.message == "no")
        #expect(support.missing(.messages, of: ["a"], now: now + EndpointSupport.lifetime) == nil)
    }

    /// Engines are updated and replaced: what an agent reports anew is newer than an earlier response.
    @Test func aChangedReportReplacesWhatResponsesShowed() {
        let error = GatewayError(.endpointNotSupported, "no")
        for earlier in [EndpointSet.all, Self.vectors] {
            let support = EndpointSupport()
            support.noteReported(["m": earlier, "other": Self.chats])
            support.noteMissing(.messages, of: "m", error: error)
            support.noteMissing(.messages, of: "other", error: error)
            support.noteReported(["m": earlier, "other": Self.chats])
            #expect(support.missing(.messages, of: ["m"]) != nil, "the same report is no news")
            support.noteReported(["m": Self.chats, "other": Self.chats])
            #expect(support.missing(.messages, of: ["m"]) == nil)
            #expect(support.missing(.messages, of: ["other"]) != nil)
        }
    }

    @Test func anUnusableEndpointIsTriedAgainLater() {
        let now = NIODeadline.uptimeNanoseconds(1)
        support.noteUnusable(.messages, now: now)
        #expect(support.isUnusable(.messages, now: now))
        #expect(!support.isUnusable(.ollamaChat, now: now))
        #expect(!support.isUnusable(.messages, now: now + EndpointSupport.lifetime))
        support.noteUnusable(.messages, now: now)
        support.forget()
        #expect(!support.isUnusable(.messages, now: now))
    }

    @Test func theDirectoryKnowsRunnersByTheirReports() {
        let directory = UpstreamDirectory(["r": Upstream(runner: "r", host: "h", port: 1)])
        #expect(directory.runners(lacking: .rerank, of: ["m"]).isEmpty)
        directory.noteReported(["m": Self.chats], at: "r")
        directory.noteReported(["m": Self.chats], at: "unknown")
        #expect(directory.runners(lacking: .rerank, of: ["m"]).keys.map(\.self) == ["r"])
        #expect(directory.runners(lacking: .chatCompletions, of: ["m"]).isEmpty)
    }
}
