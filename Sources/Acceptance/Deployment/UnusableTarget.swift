/// Why the responses to calls for a target prove nothing about the deployment.
enum UnusableTarget: Sendable, Hashable {
    /// The operator provided one token, which may not use the target.
    case denied(target: String)
    /// The operator named no target, and the deployment does not have the default class.
    case missing(target: String)

    var text: String {
        switch self {
        case .denied(let target): "the provided token may not use \(target)"
        case .missing(let target): "the deployment has no \(target)"
        }
    }
}

extension Session {
    /// Why `calls` for `target` prove nothing about the deployment; nil if they count.
    func usabilityProblem(
        of target: String, isNamed: Bool, calls: [Result<Exchange, RequestFailed>], list: ModelList
    ) async throws -> UnusableTarget? {
        let responses = calls.compactMap(\.exchange)
        guard responses.count == calls.count, let first = responses.first else { return nil }
        if tokens.hasSingleToken, responses.allSatisfy({ isRefused($0, as: .denied) }) {
            return .denied(target: target)
        }
        guard !isNamed, let name = ModelList.className(target), !list.classNames.contains(name) else { return nil }
        if responses.allSatisfy({ isRefused($0, as: .unknown) }) { return .missing(target: target) }
        guard responses.allSatisfy({ $0.refusal == first.refusal && $0.refusal != nil }) else { return nil }
        return try await isRefusedLikeUnknownClass(first) ? .missing(target: target) : nil
    }

    /// Whether a class that certainly does not exist gets the same refusal as `exchange`. The checks of unknown classes
    /// verify that this refusal is correct.
    func isRefusedLikeUnknownClass(_ exchange: Exchange) async throws -> Bool {
        guard let refusal = exchange.refusal else { return false }
        let caller = exchange.request.credential
        return try await chat("class:no-such-\(nonce())", as: caller).refusal == refusal
    }

    /// A clause that suggests the option to accept this status as the deployment's refusal; empty if it cannot be one.
    func statusHint(_ exchange: Exchange, for refusal: ExpectedStatuses.Refusal) -> String {
        guard ExpectedStatuses.possible.contains(exchange.status), exchange.errorObjectProblem == nil else { return "" }
        guard exchange.status != 429 else {
            return "; the caller's limits refuse the suite: raise them, or use other credentials"
        }
        return "; if that is a refusal, set --expect-status \(refusal.rawValue)=\(exchange.status)"
    }
}

extension Exchange {
    /// Status and error code of a refusal; nil for other responses.
    fileprivate var refusal: [String]? {
        guard ExpectedStatuses.possible.contains(status) else { return nil }
        return ["\(status)", json?["error"]?["code"]?.string ?? ""]
    }
}
