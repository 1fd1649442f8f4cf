import SimpleAICore
import TestSupport

@testable import DataPlane
@testable import Scheduling

/// Sample leases and documents of engines.
extension Sample {
    static func lease(
        _ number: UInt64 = 1, _ runner: RunnerID = "r1", wake: WakeID? = nil, runnerHasServed: Bool = true
    ) -> Lease {
        Lease(
            id: LeaseID(number: number), runner: runner, model: "m", engineModel: "m", waited: .milliseconds(1500),
            wake: wake, runnerHasServed: runnerHasServed)
    }

    /// - Parameter body: the engine's message, for any status but 2xx.
    static func document(
        _ status: Int, _ body: String = "", isJSON: Bool = true, retryAfter: Int? = nil,
        endpoint: Endpoint = .responses,
        addsUsageOption: Bool = false, runnerHasServed: Bool = true, agentCode: String? = nil,
        mayTranslate: Bool = false, mayUseOtherPath: Bool = false
    ) -> EngineDocument {
        EngineDocument(
            status: status, isJSON: isJSON, error: body.isEmpty ? nil : EngineError(ArraySlice(body.utf8)),
            retryAfter: retryAfter,
            ResponseCause.Context(
                endpoint: endpoint, mayTranslate: mayTranslate, mayUseOtherPath: mayUseOtherPath,
                engineModel: "llama3.1:8b",
                addsUsageOption: addsUsageOption,
                runnerHasServed: runnerHasServed, agentCode: agentCode))
    }

    /// An engine's error message.
    static let missingModel = #"{"error":{"message":"model 'llama3.1:8b' not found"}}"#
}
