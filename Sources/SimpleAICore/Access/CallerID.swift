/// A caller's identity without its rights: the key for all that is shared, counted or cached per caller.
public struct CallerID: Hashable, Sendable {
    /// Unique only together with `issuer`.
    public let subject: SubjectID
    /// Empty for API keys, and if authentication is off.
    public let issuer: IssuerID

    public init(subject: SubjectID, issuer: IssuerID) {
        self.subject = subject
        self.issuer = issuer
    }
}

extension Caller {
    public var id: CallerID { CallerID(subject: subject, issuer: issuer) }
}
