/// The texts of an invitation and of a runner's own token: a prefix, eight characters that identify it, and 43 secret ones
/// (256 bits, out of 62 characters).
public enum RunnerTokenText {
    /// A one-time token, which a runner exchanges for a token of its own.
    public static let invitationPrefix = "simpleai-join-"
    /// A token that one runner generates for itself.
    public static let ownPrefix = "simpleai-runner-"

    private static let idLength = 8
    private static let length = idLength + 43
    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    public static func makeInvitation() -> String { make(invitationPrefix) }
    public static func makeOwn() -> String { make(ownPrefix) }

    /// Whether a token begins like an invitation; nothing else is verified.
    public static func isInvitation(_ token: String) -> Bool { token.utf8.starts(with: invitationPrefix.utf8) }

    /// Whether a runner may use the text as its own token: a weaker one is refused.
    public static func isOwn(_ token: String) -> Bool { secret(of: token, after: ownPrefix) != nil }

    /// The public part of an invitation, which identifies it in files and logs; nil if the text cannot be one.
    public static func invitationID(of token: String) -> String? {
        secret(of: token, after: invitationPrefix).map { String(decoding: $0.prefix(idLength), as: UTF8.self) }
    }

    private static func secret(of token: String, after prefix: String) -> Substring.UTF8View? {
        let bytes = token.utf8
        guard bytes.starts(with: prefix.utf8), bytes.count == prefix.utf8.count + length else { return nil }
        let rest = Substring(token).utf8.dropFirst(prefix.utf8.count)
        return rest.allSatisfy { alphabet.contains($0) } ? rest : nil
    }

    private static func make(_ prefix: String) -> String {
        var random = SystemRandomNumberGenerator()
        let characters = (0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] }
        return prefix + String(decoding: characters, as: UTF8.self)
    }
}
