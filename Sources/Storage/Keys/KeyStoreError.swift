/// Why an operation of the key store failed. For operators; never contains a key.
public enum KeyStoreError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The database cannot be opened, or belongs to another program.
    case unusable(path: String, reason: String)
    /// A change could not be written and was not made.
    case notWritten(reason: String)
    case unknownKey(id: String)
    /// The file of pending revocations exists but cannot be read.
    case unreadableRevocations(path: String, reason: String)
    /// The properties of a new key are invalid; the reason states what to change.
    case invalidKey(reason: String)
    /// The maximum number of keys is reached.
    case full(limit: Int)

    public var description: String {
        switch self {
        case .unusable(let path, let reason):
            "the key database \(path) cannot be used: \(reason); fix or remove it, or set another keys.database"
        case .notWritten(let reason): "writing the key database failed: \(reason)"
        case .unreadableRevocations(let path, let reason):
            "\(path) contains API key revocations and cannot be read: \(reason); make it readable, or remove it and revoke "
                + "those keys again"
        case .unknownKey(let id): "unknown key \"\(id)\""
        case .invalidKey(let reason): reason
        case .full(let limit): "the limit of \(limit) keys is reached; revoke unused keys"
        }
    }
}
