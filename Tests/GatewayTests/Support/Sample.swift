import SimpleAICore

@testable import Gateway
@testable import Scheduling

/// Sample callers, calls and leases.
enum Sample {
    static let classes = ClassTable(
        [ModelClass(name: "fast", models: ["m"]), ModelClass(name: "big", models: ["large"])], defaultClass: "fast")

    static let caller = Caller(subject: "alice", issuer: "i", roles: [], privileges: [])
    static let specific = Caller(subject: "bob", issuer: "i", roles: [], privileges: [.specificModels])
    static let admin = Caller(subject: "root", issuer: "i", roles: [], privileges: [.administration])

    static func call(streams: Bool = false, previous: String? = nil) -> Call {
        Call(
            id: "c", endpoint: .chatCompletions, request: .byClass("fast"), streams: streams, wantsUsage: false,
            previousResponse: previous)
    }

    static func authorized(streams: Bool = false, previous: String? = nil) throws(GatewayError) -> AuthorizedCall {
        try AccessPolicy(classes: classes).authorize(call(streams: streams, previous: previous), by: caller)
    }

    static func lease(_ number: UInt64 = 1, _ runner: RunnerID = "r1", wake: WakeID? = nil) -> Lease {
        Lease(
            id: LeaseID(number: number), runner: runner, model: "m", engineModel: "m", waited: .milliseconds(1500),
            wake: wake)
    }

    static let error = GatewayError(.noRunnerAvailable, "none", retry: .after(.seconds(10)))

    /// - Parameter body: the engine's message, for any status but 2xx.
    static func document(
        _ status: Int, _ body: String = "", isJSON: Bool = true, retryAfter: Int? = nil,
        endpoint: Endpoint = .responses,
        addsUsageOption: Bool = false, runnerHasServed: Bool = true, agentCode: String? = nil
    ) -> EngineDocument {
        EngineDocument(
            status: status, isJSON: isJSON, error: body.isEmpty ? nil : EngineError(ArraySlice(body.utf8)),
            retryAfter: retryAfter,
            ResponseCause.Context(
                endpoint: endpoint, engineModel: "llama3.1:8b", addsUsageOption: addsUsageOption,
                runnerHasServed: runnerHasServed, agentCode: agentCode))
    }

    /// An engine's error message.
    static let missingModel = #"{"error":{"message":"model 'llama3.1:8b' not found"}}"#
}
