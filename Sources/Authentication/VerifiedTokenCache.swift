import Crypto
import Foundation
import SimpleAICore
import Synchronization

/// The callers of recently verified tokens, by the digests of the tokens. The number of entries and of bytes is bounded (a
/// caller may have hundreds of roles, and a new token for every call), and an operation examines only a few entries. Each
/// shard has its own lock, so event loops seldom contend.
final class VerifiedTokenCache: Sendable {
    private let shards: [Shard]

    /// - Parameters:
    ///   - capacity: maximum number of tokens; rounded up to a multiple of the number of shards.
    ///   - size: maximum number of bytes for their callers, by estimate; each shard has an equal part of it.
    init(capacity: Int = 10_000, size: Int = 32 << 20, shards: Int = 16) {
        let perShard = max(1, (capacity + shards - 1) / shards)
        self.shards = (0..<shards).map { _ in Shard(capacity: perShard, size: size / shards) }
    }

    /// The caller, unless the token has expired, its key was withdrawn, or it is unknown.
    /// - Parameter now: Unix time, in seconds.
    func caller(for digest: TokenDigest, at now: Double) -> Caller? {
        shard(of: digest).table.withLock { $0.caller(for: digest, at: now) }
    }

    /// - Parameter expiry: the token's expiry including leeway; Unix time, in seconds.
    func remember(
        _ caller: Caller, for token: String, until expiry: Double, signedBy key: VerifyingKey, at now: Double
    ) {
        let digest = TokenDigest(of: token)
        let entry = Table.Entry(digest: digest, caller: caller, expiry: expiry, key: key)
        shard(of: digest).table.withLock { $0.insert(entry, at: now) }
    }

    /// Number of entries, including expired ones not yet removed.
    var count: Int { shards.reduce(0) { $0 + $1.table.withLock { $0.count } } }

    /// Estimated size of the entries, in bytes.
    var size: Int { shards.reduce(0) { $0 + $1.table.withLock { $0.size } } }

    private func shard(of digest: TokenDigest) -> Shard {
        shards[Int(truncatingIfNeeded: digest.words.0 % UInt64(shards.count))]
    }

    private final class Shard: Sendable {
        let table: Mutex<Table>
        init(capacity: Int, size: Int) { table = Mutex(Table(capacity: capacity, maxSize: size)) }
    }
}

extension TokenDigest {
    init(of token: String) {
        var hash = SHA256()
        var token = token
        token.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        self.init(
            words: hash.finalize().withUnsafeBytes { bytes in
                (
                    bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
                    bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                    bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
                    bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
                )
            })
    }
}

/// A table of slots with second-chance eviction: a clock hand advances through the slots and evicts the first entry that is
/// expired, or unused since the hand last passed. A caller with more than an equal share of the full table (one that gets a
/// new token for every call) replaces its own entries.
private struct Table {
    struct Entry {
        let digest: TokenDigest
        let caller: Caller
        let expiry: Double
        let key: VerifyingKey
        let size: Int
        /// Sequence number of the insertion, or of the latest second chance when its caller had to replace one of its own
        /// entries.
        var number: UInt64 = 0
        var wasUsed = false

        init(digest: TokenDigest, caller: Caller, expiry: Double, key: VerifyingKey) {
            self.digest = digest
            self.caller = caller
            self.expiry = expiry
            self.key = key
            size = caller.estimatedSize
        }

        func isValid(at now: Double) -> Bool { now < expiry && !key.isWithdrawn }
    }

    /// Maximum number of slots that one insertion examines.
    private static let maxExaminedSlots = 8

    private let capacity: Int
    private let maxSize: Int
    private(set) var size = 0
    private var slots: [Entry] = []
    private var positions: [TokenDigest: Int] = [:]
    private var hand = 0
    private var latest: UInt64 = 0
    /// Each caller's entries, oldest first.
    private var lines: [CallerID: ArrivalQueue<TokenDigest>] = [:]
    private var entries = ShareLedger<CallerID>()
    private var bytes = ShareLedger<CallerID>()

    init(capacity: Int, maxSize: Int) {
        self.capacity = capacity
        self.maxSize = maxSize
    }

    var count: Int { slots.count }

    mutating func caller(for digest: TokenDigest, at now: Double) -> Caller? {
        guard let position = positions[digest] else { return nil }
        guard slots[position].isValid(at: now) else {
            remove(at: position)
            return nil
        }
        slots[position].wasUsed = true
        return slots[position].caller
    }

    mutating func insert(_ entry: Entry, at now: Double) {
        if let position = positions[entry.digest] { remove(at: position) }
        // An entry that would evict all others is not stored: its token is verified every time.
        guard entry.size <= maxSize else { return }
        let owner = entry.caller.id
        while !slots.isEmpty, slots.count >= capacity || size + entry.size > maxSize {
            remove(at: ownVictim(of: owner, at: now) ?? victim(at: now))
        }
        var entry = entry
        latest += 1
        entry.number = latest
        positions[entry.digest] = slots.count
        slots.append(entry)
        size += entry.size
        entries.add(for: owner)
        bytes.add(entry.size, for: owner)
        enqueue(entry)
    }

    private mutating func enqueue(_ entry: Entry) {
        let owner = entry.caller.id
        lines[owner, default: ArrivalQueue()].append(entry.digest, entry.number)
        guard let line = lines[owner], line.count > 2 * entries.held(by: owner) + 16 else { return }
        let (positions, slots) = (positions, slots)
        lines[owner]?.removeAll { digest, number in positions[digest].map { slots[$0].number != number } ?? true }
    }

    /// The caller's own entry to evict; nil if it has less than its share.
    private mutating func ownVictim(of owner: CallerID, at now: Double) -> Int? {
        let holders = entries.holderCount
        guard
            FairShare.replacesOwnEntry(held: entries.held(by: owner), capacity: capacity, holderCount: holders)
                || FairShare.replacesOwnEntry(held: bytes.held(by: owner), capacity: maxSize, holderCount: holders)
        else { return nil }
        var chances = Self.maxExaminedSlots
        while let place = lines[owner]?.popFirst() {
            guard let position = positions[place.key], slots[position].number == place.number else { continue }
            guard chances > 0, slots[position].wasUsed, slots[position].isValid(at: now) else { return position }
            chances -= 1
            latest += 1
            slots[position].wasUsed = false
            slots[position].number = latest
            lines[owner]?.append(place.key, latest)
        }
        return nil
    }

    private mutating func victim(at now: Double) -> Int {
        for _ in 0..<Self.maxExaminedSlots {
            let position = advanceHand()
            if !slots[position].wasUsed || !slots[position].isValid(at: now) { return position }
            slots[position].wasUsed = false
        }
        return advanceHand()
    }

    private mutating func advanceHand() -> Int {
        hand = hand + 1 < slots.count ? hand + 1 : 0
        return hand
    }

    /// Removes an entry; the last slot fills the gap.
    private mutating func remove(at position: Int) {
        size -= slots[position].size
        positions[slots[position].digest] = nil
        let owner = slots[position].caller.id
        entries.giveBack(of: owner)
        bytes.giveBack(slots[position].size, of: owner)
        if entries.held(by: owner) == 0 { lines[owner] = nil }
        let last = slots.removeLast()
        if position < slots.count {
            slots[position] = last
            positions[last.digest] = position
        }
    }
}

extension Caller {
    /// Estimated bytes of a cached caller: each string and each entry of a set has a header of its own.
    fileprivate var estimatedSize: Int {
        roles.reduce(256 + subject.rawValue.utf8.count) { $0 + 48 + $1.rawValue.utf8.count }
    }
}
