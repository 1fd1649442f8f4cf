public import SimpleAICore

/// The invitations of runners and the tokens that runners have made for themselves, as digests. Pure: events in, verdicts
/// out; times are seconds since 1970.
///
/// Invariants:
/// - a runner id has at most one invitation and one own token;
/// - an invitation is exchanged once: afterwards it admits only the token that it was exchanged for, so that a runner whose
///   acknowledgement was lost can repeat the exchange;
/// - a runner id with an own token registers with no other token.
public struct RunnerCredentials: Hashable, Sendable {
    /// Lifetime of an invitation, in seconds.
    public static let invitationLifetime: Int64 = 600
    /// How long an invitation that can no longer be used is remembered, in seconds, so that its refusal states the reason.
    static let memory: Int64 = 7 * 86_400
    /// Maximum number of invitations, and of own tokens.
    public static let limit = 4_096

    struct Invitation: Hashable, Sendable {
        let digest: [UInt8]
        let expiry: Int64
        /// The only address from which it may be used, in its usual form; nil for any.
        let address: String?
        /// When it was exchanged; nil if it was not.
        var usedAt: Int64?
    }

    struct OwnToken: Hashable, Sendable {
        let digest: [UInt8]
        let createdAt: Int64
    }

    var invitations: [RunnerID: Invitation] = [:]
    var ownTokens: [RunnerID: OwnToken] = [:]

    public init() {}

    /// What a registration's tokens mean for a runner id.
    public enum Verdict: Hashable, Sendable {
        /// The id has no own token, and the token is no invitation: other rules decide.
        case undecided
        /// The token is the id's own.
        case own
        /// The invitation is valid; `exchange` follows.
        case invited
        /// The invitation was exchanged for this own token before.
        case repeated
        case refused(Refusal)
    }

    /// Why a token is refused; for the operator of the machine, who has the token.
    public enum Refusal: Hashable, Sendable {
        case wrongToken
        case unknownInvitation
        case used
        case expired
        /// The invitation is for another runner id.
        case otherRunner(RunnerID)
        /// The invitation is for another address.
        case otherAddress(String)
        /// The agent states no own token, or a weak one.
        case noOwnToken
    }

    /// Creates the invitation of a runner, and replaces its previous one. The runner's own token stays valid until the
    /// invitation is exchanged.
    /// - Returns: whether there was room for it.
    mutating func invite(_ id: RunnerID, digest: [UInt8], address: String?, now: Int64) -> Bool {
        forgetOld(now: now)
        guard invitations[id] != nil || invitations.count < Self.limit else { return false }
        invitations[id] = Invitation(
            digest: digest, expiry: now + Self.invitationLifetime, address: address, usedAt: nil)
        return true
    }

    /// Judges a registration without changing anything.
    /// - Parameters:
    ///   - digest: that of `auth_token`.
    ///   - isInvitation: whether `auth_token` has the form of an invitation.
    ///   - ownDigest: that of `own_token`; nil if there is none, or if it is weak.
    ///   - address: the agent's address in its usual form.
    func verdict(
        on id: RunnerID, digest: [UInt8], isInvitation: Bool, ownDigest: [UInt8]?, address: String, now: Int64
    ) -> Verdict {
        guard isInvitation else {
            guard let own = ownTokens[id] else { return .undecided }
            return APIKeyText.isSame(own.digest, digest) ? .own : .refused(.wrongToken)
        }
        guard let invitation = invitations[id], APIKeyText.isSame(invitation.digest, digest) else {
            let other = invitations.first { APIKeyText.isSame($0.value.digest, digest) }
            return .refused(other.map { .otherRunner($0.key) } ?? .unknownInvitation)
        }
        guard let ownDigest else { return .refused(.noOwnToken) }
        if invitation.usedAt != nil {
            let isRepeated = ownTokens[id].map { APIKeyText.isSame($0.digest, ownDigest) } ?? false
            return isRepeated ? .repeated : .refused(.used)
        }
        guard now < invitation.expiry else { return .refused(.expired) }
        if let expected = invitation.address, !expected.isExactly(address) { return .refused(.otherAddress(expected)) }
        return .invited
    }

    /// Exchanges an invitation on which the verdict is `invited`.
    /// - Returns: whether there was room for the token.
    mutating func exchange(_ id: RunnerID, for ownDigest: [UInt8], now: Int64) -> Bool {
        guard ownTokens[id] != nil || ownTokens.count < Self.limit else { return false }
        invitations[id]?.usedAt = now
        ownTokens[id] = OwnToken(digest: ownDigest, createdAt: now)
        return true
    }

    /// Withdraws the invitation and the own token of a runner.
    /// - Returns: whether it had either.
    mutating func revoke(_ id: RunnerID) -> Bool {
        let invitation = invitations.removeValue(forKey: id)
        let token = ownTokens.removeValue(forKey: id)
        return invitation != nil || token != nil
    }

    private mutating func forgetOld(now: Int64) {
        invitations = invitations.filter { now - $0.value.expiry < Self.memory }
    }
}
