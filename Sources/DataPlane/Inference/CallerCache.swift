import Relay
import SimpleAICore

/// What the latest call of a connection determined about its caller. The next call usually has the same caller, and a
/// comparison is cheaper than determining it again. The token's validity is checked every time.
struct CallerCache {
    private var token: String?
    /// Of `token`.
    private var digest: TokenDigest?
    private var memoryShare: (caller: CallerID, address: Peer?, share: BufferShare)?

    /// The first step of the checks of a call's credentials.
    /// - Parameters:
    ///   - bareToken: the token of a field that contains nothing else; nil for none.
    mutating func firstStep(
        authorization: String?, bareToken: String?, _ checks: CredentialChecks
    ) -> CredentialChecks.FirstStep {
        if let bareToken {
            var digest: TokenDigest?
            return checks.firstStep(authorization: authorization, token: bareToken, digest: &digest)
        }
        let token = authorization.flatMap { self.token(in: $0) }
        return checks.firstStep(authorization: authorization, token: token, digest: &digest)
    }

    /// The bearer token of an `Authorization` value; nil for another scheme.
    private mutating func token(in authorization: String) -> String? {
        if let token, Bearer.isToken(token, of: authorization) { return token }
        guard let read = Bearer.token(in: authorization) else { return nil }
        (token, digest) = (read, nil)
        return read
    }

    /// The caller's share of the buffer memory, at this address.
    mutating func memoryShare(of caller: CallerID, from address: Peer?, _ budget: BufferBudget) -> BufferShare {
        if let memoryShare, memoryShare.caller == caller, memoryShare.address == address { return memoryShare.share }
        let share = budget.share(for: caller, from: address)
        memoryShare = (caller, address, share)
        return share
    }
}
