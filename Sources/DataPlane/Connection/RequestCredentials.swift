import SimpleAICore

/// The credentials of a request. APIs use different header fields for them; a request may use several if they agree.
enum RequestCredentials {
    /// Fields that carry a bare token; names in lower case.
    static let tokenFields = TokenFields.names

    /// Whether the fields state at most one credential. Fields without a value are ignored.
    /// - Parameter tokens: the values of `tokenFields`.
    static func agree(authorization: String?, tokens: [String]) -> Bool {
        var stated = tokens.filter { !$0.isEmpty }
        if let authorization, !authorization.isEmpty { stated.append(Bearer.token(in: authorization) ?? authorization) }
        return stated.allSatisfy { $0.utf8.elementsEqual(stated[0].utf8) }
    }
}
