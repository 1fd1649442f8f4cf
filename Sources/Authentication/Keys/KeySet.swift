import SimpleAICore

/// The usable keys of one issuer at one time (RFC 7517 §5).
struct KeySet: Sendable {
    struct Skipped: Hashable, Sendable {
        let position: Int
        let problem: KeyProblem
    }

    /// More than any issuer publishes; each key costs time to read and compare.
    static let maxKeys = 256

    let keys: [VerifyingKey]
    /// The unused entries of the document, with reasons.
    let skipped: [Skipped]

    /// Reads a key set document. An invalid key is skipped; a document without any valid key is refused, so that it
    /// cannot replace working keys.
    /// - Parameter known: keys of the previous set; those that are still published keep their identity.
    init(
        document: [UInt8], algorithms: [SignatureAlgorithm], known: [VerifyingKey] = []
    ) throws(KeySourceFault) {
        let value: JSONValue
        do throws(JSONFault) {
            value = try StrictJSONParser.document(document, duplicates: .marked)
        } catch {
            throw .notJSON
        }
        guard let entries = value.object?["keys"]?.array else { throw .notAKeySet }
        guard entries.count <= Self.maxKeys else { throw .tooManyKeys }
        (keys, skipped) = Self.keys(of: entries, algorithms: algorithms, known: known)
        guard !keys.isEmpty else { throw .noUsableKey }
    }

    private static func keys(
        of entries: [JSONValue], algorithms: [SignatureAlgorithm], known: [VerifyingKey]
    ) -> (keys: [VerifyingKey], skipped: [Skipped]) {
        var keys: [VerifyingKey] = []
        var skipped: [Skipped] = []
        for (position, entry) in entries.enumerated() {
            do throws(KeyProblem) {
                let key = try JSONWebKey.verifyingKey(from: entry, algorithms: algorithms)
                if keys.contains(where: key.isSame) { continue }
                keys.append(known.first(where: key.isSame) ?? key)
            } catch {
                skipped.append(Skipped(position: position, problem: error))
            }
        }
        return (keys, skipped)
    }

    /// Why the gateway cannot use the first unusable key of a document; nil if there is none.
    static func problem(of document: [UInt8], algorithms: [SignatureAlgorithm]) -> (count: Int, problem: KeyProblem)? {
        guard let value = try? StrictJSONParser.document(document, duplicates: .marked),
            let entries = value.object?["keys"]?.array, entries.count <= maxKeys
        else { return nil }
        return keys(of: entries, algorithms: algorithms, known: []).skipped.first.map { (entries.count, $0.problem) }
    }

    /// The key that signed the token, if its signature is valid.
    func verify(_ token: CompactToken) throws(TokenFault) -> VerifyingKey {
        let key = try key(for: token)
        guard key.isValid(token.signature, for: token.signingInput) else { throw .badSignature }
        return key
    }

    /// The only key that can have signed the token. A key id that is not in the set matches no key, and a key that the set
    /// assigns to another issuer is not used.
    private func key(for token: CompactToken) throws(TokenFault) -> VerifyingKey {
        let header = token.header
        var candidates = keys
        if let wanted = header.keyID {
            candidates = keys.filter { $0.id?.isExactly(wanted) ?? false }
            guard !candidates.isEmpty else { throw .unknownKey }
        }
        if candidates.contains(where: { $0.issuer != nil }) {
            let claims = try Claims(json: token.payload)
            candidates.removeAll { !($0.issuer?.signs(claims) ?? true) }
            guard !candidates.isEmpty else { throw .foreignKey }
        }
        let fitting = candidates.filter { $0.algorithm == header.algorithm }
        guard let key = fitting.first else { throw header.keyID == nil ? .noFittingKey : .algorithmMismatch }
        guard fitting.count == 1 else { throw .ambiguousKey }
        return key
    }

    func contains(_ key: VerifyingKey) -> Bool {
        keys.contains { $0 === key }
    }
}
