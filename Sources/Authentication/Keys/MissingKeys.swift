/// Key ids that an issuer was asked about in vain. Each is asked about again only after a pause, which doubles from the
/// cooldown up to the age at which keys are fetched anyway: a client that never stops sending an old token costs next
/// to nothing. Of an id only its hash is kept, and of ids a bounded number, the latest.
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

    /// Whether asking about the id again would be too early.
    func isMissing(_ id: String, at now: Instant) -> Bool {
        entries[Self.hash(of: id)].map { now < $0.until } ?? false
    }

    /// The issuer's keys have come, and the id is not among them.
    mutating func wasNotFound(_ id: String, at now: Instant) {
        let hash = Self.hash(of: id)
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

    /// By its bytes, with the process's own seed: nobody outside can make two ids meet.
    private static func hash(of id: String) -> Int {
        var hasher = Hasher()
        for byte in id.utf8 { hasher.combine(byte) }
        return hasher.finalize()
    }
}
