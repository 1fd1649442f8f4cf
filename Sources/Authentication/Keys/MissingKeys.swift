/// What of an issuer's keys is looked for because a token was not verified with those that are known.
enum KeySearch: Hashable, Sendable {
    /// The key of an id that the set does not have.
    case id(String)
    /// Another key than the one of the set that the token's id, or its lack of one, means: an issuer may replace a key
    /// and keep the id, or have no ids at all.
    case replacement(id: String?)

    /// - Parameter fault: of verifying the token with the keys that are known.
    init?(after fault: TokenFault, of header: JOSEHeader) {
        switch (fault, header.keyID) {
        case (.unknownKey, let id?): self = .id(id)
        case (.badSignature, let id), (.algorithmMismatch, let id), (.noFittingKey, let id): self = .replacement(id: id)
        default: return nil
        }
    }
}

/// What an issuer was asked for in vain. Each search is made again only after a pause, which doubles from the first to the
/// last: a client that never stops sending an old token costs next to nothing, and one that was given a token a little
/// before its key was published is not refused for long. Of a search only its hash is kept, and of searches a bounded
/// number, the latest.
///
/// Pure; `KeySource` owns the clock.
struct MissingKeys: Sendable {
    typealias Instant = ContinuousClock.Instant

    private struct Entry {
        var pause: Duration
        var until: Instant
    }

    static let capacity = 256

    private let firstPause: Duration
    private let lastPause: Duration
    private var entries: [Int: Entry] = [:]
    /// The hashes in the order in which they came, as a ring.
    private var ring: [Int] = []
    private var oldest = 0

    init(firstPause: Duration, lastPause: Duration) {
        self.firstPause = firstPause
        self.lastPause = max(firstPause, lastPause)
    }

    var count: Int { entries.count }

    /// Whether searching again would be too early.
    func isMissing(_ search: KeySearch, at now: Instant) -> Bool {
        entries[Self.hash(of: search)].map { now < $0.until } ?? false
    }

    /// The issuer's keys have come, and what was looked for is not among them.
    mutating func wasNotFound(_ search: KeySearch, at now: Instant) {
        let hash = Self.hash(of: search)
        if let known = entries[hash] {
            // Several calls may have waited for the same answer.
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

    /// By the bytes of its id, with the process's own seed: nobody outside can make two searches meet.
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
