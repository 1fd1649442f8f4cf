import NIOCore
import Scheduling
import SimpleAICore

/// Applies `models.aliases` and `models.parameters` to a call.
extension InferenceCall {
    /// The call with the target of its alias.
    func resolved(_ call: Call) -> Call {
        rules.access.resolve(call) { services.scheduler.lists($0) }
    }

    /// The body for the engine's endpoint with the parameters of the call's class, alias and chosen model.
    func applyingParameters(to body: ByteBuffer, of call: Call, _ lease: Lease, at endpoint: Endpoint) -> ByteBuffer {
        guard let edits = rules.access.parameters.edits(for: call, servedBy: lease.model) else { return body }
        return ByteBuffer(bytes: edits.renamed(for: endpoint).applied(to: Array(body.readableBytesView)[...]))
    }
}

extension Call {
    /// The model as the caller requested it.
    var requestedName: String { alias?.name ?? request.description }
}
