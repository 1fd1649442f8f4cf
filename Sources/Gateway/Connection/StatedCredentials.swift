import SimpleAICore

/// Who a request says it comes from. Interfaces put credentials into different fields; a request may use several, if they
/// say the same.
enum StatedCredentials {
    /// Fields that hold a bare token, in lower case.
    static let tokenFields = ["x-api-key", "api-key"]

    /// Whether there is one credential at most. Fields without a value say nothing.
    /// - Parameter tokens: the values of `tokenFields`.
    static func agree(authorization: String?, tokens: [String]) -> Bool {
        var stated = tokens.filter { !$0.isEmpty }
        if let authorization, !authorization.isEmpty { stated.append(Bearer.token(in: authorization) ?? authorization) }
        return stated.allSatisfy { $0.utf8.elementsEqual(stated[0].utf8) }
    }
}
