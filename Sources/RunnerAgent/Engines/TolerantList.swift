/// A list that skips entries of unexpected shape; `null`, which Go writes for an empty list, is an empty list.
struct TolerantList<Entry: Decodable>: Decodable {
    let entries: [Entry]
    let omitted: Int

    private struct Slot: Decodable {
        let entry: Entry?

        init(from decoder: any Decoder) throws { entry = try? Entry(from: decoder) }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let slots = container.decodeNil() ? [] : try container.decode([Slot].self)
        entries = slots.compactMap(\.entry)
        omitted = slots.count - entries.count
    }
}
