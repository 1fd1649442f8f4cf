/// What one side knows beyond version 1. Used only when both sides list it, as `extensions` in `register` and
/// `register_ack`; names that are not known here are no extensions of ours.
public enum ProtocolExtension: String, Hashable, Sendable, CaseIterable, Codable {
    /// Engines say how many calls they take and how many they work on (`slots`, `active`).
    case slots
    /// The status says what the machine draws, and whether it may be put to sleep (`power`).
    case power
    /// The gateway may send `sleep`.
    case sleep
    /// The runner's HTTP side demands the shared secret as a bearer token.
    case httpAuth = "http_auth"
}

extension KeyedDecodingContainer {
    func extensions(_ key: Key) -> Set<ProtocolExtension> {
        let names = try? decodeIfPresent([String].self, forKey: key)
        return Set((names ?? []).compactMap { ProtocolExtension(rawValue: $0) })
    }
}

extension KeyedEncodingContainer {
    /// In a fixed order; an empty set is left out, so that version 1 sees nothing but version 1.
    mutating func encode(_ extensions: Set<ProtocolExtension>, forKey key: Key) throws {
        guard !extensions.isEmpty else { return }
        try encode(extensions.map(\.rawValue).sorted(), forKey: key)
    }
}
