/// A bounded table whose entries belong to owners: no owner can fill it, or evict the entries of others by adding its
/// own. Pure.
///
/// An owner that has used up its share (`FairShare`) replaces its own oldest entry; if the table is full, an owner
/// below its share replaces the oldest entry of all.
public struct SharedTable<Owner: Hashable & Sendable, Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry {
        let owner: Owner
        let value: Value
        let number: UInt64
    }

    private let rule: FairShare
    private var entries: [Key: Entry] = [:]
    private var ledger = ShareLedger<Owner>()
    private var line = ArrivalQueue<Key>()
    private var lines: [Owner: ArrivalQueue<Key>] = [:]
    private var latest: UInt64 = 0

    /// - Parameter capacity: maximum number of entries.
    public init(capacity: Int) {
        rule = FairShare(capacity: capacity, minShare: max(1, capacity / 16))
    }

    public var count: Int { entries.count }

    public subscript(key: Key) -> (owner: Owner, value: Value)? { entries[key].map { ($0.owner, $0.value) } }

    /// - Parameter owner: the owner of the entry; it takes over a key that another owner had.
    public mutating func insert(_ value: Value, for key: Key, of owner: Owner) {
        remove(key)
        while true {
            let decision = ledger.decision(for: owner, under: rule)
            if decision == .granted { break }
            let removed = decision == .beyondShare ? removeOldest(of: owner) : removeOldest()
            if !removed { return }
        }
        latest += 1
        entries[key] = Entry(owner: owner, value: value, number: latest)
        ledger.add(for: owner)
        line.append(key, latest)
        lines[owner, default: ArrivalQueue()].append(key, latest)
        compact(owner)
    }

    public mutating func remove(_ key: Key) {
        guard let entry = entries.removeValue(forKey: key) else { return }
        ledger.giveBack(of: entry.owner)
        if ledger.held(by: entry.owner) == 0 { lines[entry.owner] = nil }
    }

    private mutating func removeOldest() -> Bool {
        while let place = line.popFirst() {
            guard entries[place.key]?.number == place.number else { continue }
            remove(place.key)
            return true
        }
        return false
    }

    private mutating func removeOldest(of owner: Owner) -> Bool {
        while let place = lines[owner]?.popFirst() {
            guard entries[place.key]?.number == place.number else { continue }
            remove(place.key)
            return true
        }
        return false
    }

    /// Removes outdated entries before they outnumber the valid ones.
    private mutating func compact(_ owner: Owner) {
        let entries = entries
        func isStale(_ key: Key, _ number: UInt64) -> Bool { entries[key]?.number != number }
        if line.count > 2 * entries.count + 64 { line.removeAll(where: isStale) }
        if let own = lines[owner], own.count > 2 * ledger.held(by: owner) + 64 {
            lines[owner]?.removeAll(where: isStale)
        }
    }
}
