import Scheduling
import SimpleAICore

@testable import DataPlane

/// A compact notation of actions, for use in tables.
func notation(_ actions: [CallState.Action]) -> String {
    actions.map(\.notation).joined(separator: " ")
}

extension CallState.Action {
    var notation: String {
        switch self {
        case .acceptBody: "acceptBody"
        case .authorize: "authorize"
        case .place(_, let excluded):
            "place" + (excluded.isEmpty ? "" : "(not \(excluded.sorted().map(\.rawValue).joined(separator: ",")))")
        case .withdrawPlacement: "withdraw"
        case .forward(_, let lease, let fresh): "forward(\(lease.runner)\(fresh ? ",fresh" : ""))"
        case .cancelForwarding: "cancel"
        case .releaseUpstream: "release"
        case .noteUsageOptionRejected(let runner): "noUsage(\(runner))"
        case .noteEndpointMissing(let lease, _): "noEndpoint(\(lease.runner))"
        case .notePathMissing(let lease, _): "noPath(\(lease.runner))"
        case .noteEndpointTranslated(let lease, _): "translate(\(lease.runner))"
        case .noteTranslationServed(let runner): "translated(\(runner))"
        case .reportGatewayRejected(let runner, let status): "rejected(\(runner),\(status))"
        case .returnLease(let lease, _): "return(\(lease.runner))"
        case .reportUnreachable(let runner): "unreachable(\(runner))"
        case .reportConnectionRefused(let runner): "down(\(runner))"
        case .refreshModels(let runner): "refresh(\(runner))"
        case .sendEarlyHead: "earlyHead"
        case .sendKeepalive: "comment(waiting)"
        case .sendComment(let text): "comment(\(text))"
        case .beginStream: "begin"
        case .sendDocument: "document"
        case .sendLastPart: "lastPart"
        case .sendOwnResponse: "own"
        case .beginDocument(_, let status): "beginDocument(\(status))"
        case .abortResponse: "abort"
        case .respond(let error): "respond(\(error.code.rawValue))"
        case .failInBand(let error): "inBand(\(error.code.rawValue))"
        case .endStream: "end"
        case .settle(.completed(let status)): "settle(\(status))"
        case .settle(.failed(let error)): "settle(\(error.code.rawValue))"
        case .settle(.clientDisconnected): "settle(gone)"
        }
    }
}
