/// A feature beyond version 1, used only if both sides list it as `extensions` in `register` and `register_ack`.
/// Unknown names are ignored.
public enum ProtocolExtension: String, Hashable, Sendable, CaseIterable, Codable {
    /// Engines report their concurrent calls and those in progress (`slots`, `active`).
    case slots
    /// The status reports the machine's power draw, and whether it may be put to sleep (`power`).
    case power
    /// The gateway may send `sleep`.
    case sleep
    /// The runner's HTTP server requires the shared secret as a bearer token.
    case httpAuth = "http_auth"
}

extension KeyedDecodingContainer {
    func extensions(_ key: Key) -> Set<ProtocolExtension> {
        let names = try? decodeIfPresent([String].self, forKey: key)
        return Set((names ?? []).compactMap { ProtocolExtension(rawValue: $0) })
    }
}

extension KeyedEncodingContainer {
    /// Encodes extensions in a fixed order. An empty set is left out, so that version 1 peers see version 1 only.
    mutating func encode(_ extensions: Set<ProtocolExtension>, forKey key: Key) throws {
        guard !extensions.isEmpty else { return }
        try encode(extensions.map(\.rawValue).sorted(), forKey: key)
    }
}
