/// A queue of keys, each with its arrival number. Outdated entries stay in it and are skipped when they are removed
/// from the front, so that no entry has to be found in the middle.
public struct ArrivalQueue<Key: Sendable>: Sendable {
    public typealias Place = (key: Key, number: UInt64)

    private var places: [Place?] = []
    private var head = 0

    public init() {}

    public var count: Int { places.count - head }

    public mutating func append(_ key: Key, _ number: UInt64) { places.append((key, number)) }

    public mutating func popFirst() -> Place? {
        guard head < places.count else { return nil }
        let first = places[head]
        places[head] = nil
        head += 1
        if head > 32, head * 2 > places.count {
            places.removeFirst(head)
            head = 0
        }
        return first
    }

    public mutating func removeAll(where isStale: (Key, UInt64) -> Bool) {
        places = places[head...].filter { place in place.map { !isStale($0.key, $0.number) } ?? false }
        head = 0
    }
}
