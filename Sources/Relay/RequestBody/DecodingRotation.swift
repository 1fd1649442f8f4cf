import NIOCore

/// A queue of work items, served round robin among owners, and among the items of one owner. Pure.
package struct DecodingRotation<Owner: Hashable, Item> {
    private var order = CircularBuffer<Owner>()
    private var items: [Owner: CircularBuffer<Item>] = [:]

    package var isEmpty: Bool { items.isEmpty }

    package mutating func add(_ item: Item, of owner: Owner) {
        if items[owner] == nil { order.append(owner) }
        items[owner, default: CircularBuffer()].append(item)
    }

    /// Removes and returns the next item; an unfinished one must be added again.
    package mutating func next() -> (owner: Owner, item: Item)? {
        guard let owner = order.popFirst(), let item = items[owner]?.popFirst() else { return nil }
        if items[owner]?.isEmpty ?? true { items[owner] = nil } else { order.append(owner) }
        return (owner, item)
    }
}
