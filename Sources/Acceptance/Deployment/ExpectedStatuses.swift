/// The status codes with which a deployment refuses requests: the contract's, or the operator's (`--expect-status`).
public struct ExpectedStatuses: Sendable, Hashable {
    /// Why a call is refused.
    public enum Refusal: String, Sendable, CaseIterable {
        /// The caller lacks the right: 403, or 400 with `Permission denied` from older deployments.
        case denied
        /// Missing or invalid credentials: 401 or 403.
        case unauthenticated
        /// The class or id does not exist: 404.
        case unknown
    }

    /// The status codes that can be a refusal. A 2xx is always a success and a 5xx always a fault.
    public static let possible = 400...499

    private var named: [Refusal: Set<Int>] = [:]

    public init() {}

    /// Adds `codes` to the operator's codes for `refusal`, which replace the contract's.
    ///
    /// - Parameter codes: each one in ``possible``.
    public mutating func name(_ codes: Set<Int>, for refusal: Refusal) {
        named[refusal, default: []].formUnion(codes)
    }

    func isExpected(_ exchange: Exchange, for refusal: Refusal) -> Bool {
        if let codes = named[refusal] { return codes.contains(exchange.status) }
        return switch refusal {
        case .denied: exchange.status == 403 || exchange.status == 400 && exchange.statesPermissionDenied
        case .unauthenticated: exchange.status == 401 || exchange.status == 403
        case .unknown: exchange.status == 404
        }
    }

    /// Whether the admin API denied the request. It never used the 400 of older deployments.
    func isAdminDenial(_ exchange: Exchange) -> Bool {
        named[.denied] == nil ? exchange.status == 403 : isExpected(exchange, for: .denied)
    }

    /// The expected codes, for evidence: `403 (or 400 with …)`, or `410 (--expect-status unknown=410)`.
    func words(for refusal: Refusal) -> String {
        guard let codes = named[refusal]?.sorted().map(String.init) else {
            return switch refusal {
            case .denied: "403 (or 400 with `Permission denied`)"
            case .unauthenticated: "401 (or 403)"
            case .unknown: "404"
            }
        }
        let alternatives = codes.joined(separator: " or ")
        return "\(alternatives) (--expect-status \(refusal.rawValue)=\(codes.joined(separator: ",")))"
    }

    /// The expected codes of a denial by the admin API, for evidence.
    var wordsForAdminDenial: String { named[.denied] == nil ? "403" : words(for: .denied) }
}

extension Session {
    func isRefused(_ exchange: Exchange, as refusal: ExpectedStatuses.Refusal) -> Bool {
        options.expectedStatuses.isExpected(exchange, for: refusal)
    }

    /// The expected codes, for evidence.
    func expected(_ refusal: ExpectedStatuses.Refusal) -> String { options.expectedStatuses.words(for: refusal) }
}

extension Exchange {
    fileprivate var statesPermissionDenied: Bool {
        json.flatMap(Exchange.errorText)?.contains("Permission denied") ?? false
    }
}
