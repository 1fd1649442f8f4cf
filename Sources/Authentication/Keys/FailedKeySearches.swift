/// A search for a key, started because the known keys did not verify a token.
enum KeySearch: Hashable, Sendable {
    /// The key with an id that the set does not contain.
    case id(String)
    /// A replacement for the key that the token's id (or lack of one) selects: an issuer may replace a key and keep its id,
    /// or use no ids.
    case replacement(id: String?)

    /// - Parameter fault: the result of verifying the token with the known keys.
    init?(after fault: TokenFault, of header: JOSEHeader) {
        switch (fault, header.keyID) {
        case (.unknownKey, let id?): self = .id(id)
        case (.badSignature, let id), (.algorithmMismatch, let id), (.noFittingKey, let id): self = .replacement(id: id)
        default: return nil
        }
    }
}

/// The failed searches for an issuer's keys. A search is repeated only after a pause, which doubles from `firstPause` to
/// `lastPause`: a client that keeps sending an old token causes few fetches, and a token that was issued shortly before its
/// key was published is soon accepted. Only a bounded number of the latest searches is kept, as hashes.
///
/// Pure; `KeySource` owns the clock.
struct FailedKeySearches: Sendable {
    typealias Instant = ContinuousClock.Instant

    private struct Entry {
        var pause: Duration
        var until: Instant
    }

    static let capacity = 256

    private let firstPause: Duration
    private let lastPause: Duration
    private var entries: [Int: Entry] = [:]
    /// The hashes in order of insertion, as a ring.
    private var ring: [Int] = []
    private var oldest = 0

    init(firstPause: Duration, lastPause: Duration) {
        self.firstPause = firstPause
        self.lastPause = max(firstPause, lastPause)
    }

    var count: Int { entries.count }

    /// Whether it is too early to repeat the search.
    func isBackingOff(_ search: KeySearch, at now: Instant) -> Bool {
        entries[Self.hash(of: search)].map { now < $0.until } ?? false
    }

    /// Records that the issuer's current keys do not contain the key.
    mutating func searchFailed(_ search: KeySearch, at now: Instant) {
        let hash = Self.hash(of: search)
        if let known = entries[hash] {
            // Several calls may have waited for the same result.
            guard known.until <= now else { return }
            let pause = min(known.pause * 2, lastPause)
            entries[hash] = Entry(pause: pause, until: now + pause)
            return
        }
        if ring.count < Self.capacity {
            ring.append(hash)
        } else {
            entries[ring[oldest]] = nil
            ring[oldest] = hash
            oldest = (oldest + 1) % Self.capacity
        }
        entries[hash] = Entry(pause: firstPause, until: now + firstPause)
    }

    /// Hashes the bytes of the id with the random seed of this process, so that no client can make two searches collide.
    private static func hash(of search: KeySearch) -> Int {
        var hasher = Hasher()
        switch search {
        case .id(let id):
            hasher.combine(0)
            for byte in id.utf8 { hasher.combine(byte) }
        case .replacement(let id):
            hasher.combine(id == nil ? 1 : 2)
            for byte in (id ?? "").utf8 { hasher.combine(byte) }
        }
        return hasher.finalize()
    }
}
