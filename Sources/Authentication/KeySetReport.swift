public import SimpleAICore

/// What the verifier makes of a key set document.
public enum KeySetReport: Hashable, Sendable {
    /// The number of usable keys; zero for a set without entries.
    case usable(Int)
    /// The set has entries, none of which can be used.
    case unusable(count: Int, reason: String)
    /// It is no key set.
    case malformed(String)

    public init(_ document: [UInt8], for issuer: IssuerConfiguration) {
        do throws(KeySourceFault) {
            self = .usable(try KeySet(document: document, algorithms: issuer.algorithms).keys.count)
        } catch {
            guard error == .noUsableKey else {
                self = .malformed("\(error)")
                return
            }
            self =
                KeySet.problem(of: document, algorithms: issuer.algorithms)
                .map { .unusable(count: $0.count, reason: $0.problem.rawValue) } ?? .usable(0)
        }
    }
}

extension JWTVerifier {
    /// Verifies one token with the keys that its issuers publish now; for a verifier that does not run.
    public func callerAfterFetch(for token: String) async throws(TokenRejection) -> Caller {
        await withTaskGroup { group in
            group.addTask { await self.run() }
            for source in sources { _ = await source.waitForStatus { $0.fetchesEnded > 0 } }
            group.cancelAll()
        }
        return try await caller(for: token)
    }
}
