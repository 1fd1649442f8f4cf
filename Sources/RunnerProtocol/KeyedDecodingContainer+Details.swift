import SimpleAICore

// Lenient decoding of optional details: a value of an unexpected type counts as absent, so that it does not make the
// gateway refuse a runner.
extension KeyedDecodingContainer {
    func detail<Value: Decodable>(_ type: Value.Type, _ key: Key) -> Value? {
        (try? decodeIfPresent(type, forKey: key)) ?? nil
    }

    func text(_ key: Key) -> String? { detail(String.self, key) }

    /// The valid entries of a list; empty if there is no list.
    func entries<Value: Decodable>(
        _ type: Value.Type, _ key: Key, _ omitted: inout OmittedEntries
    ) -> [Value] {
        guard let entries = detail([Entry<Value>].self, key) else {
            if contains(key), (try? decodeNil(forKey: key)) == false {
                omitted.add(1, "\(key.stringValue) is not a list")
            }
            return []
        }
        let values = entries.compactMap(\.value)
        omitted.add(entries.count - values.count, "an entry of \(key.stringValue) has an unexpected type")
        return values
    }

    /// The entries of a list of names that this version knows, each once; nil if there is no list, or if none is known: a
    /// newer peer may use other names.
    func known<Value: Hashable>(_ key: Key, _ value: (String) -> Value?) -> [Value]? {
        guard let entries = detail([Entry<String>].self, key) else { return nil }
        var values: [Value] = []
        for entry in entries.lazy.compactMap(\.value).compactMap(value) where !values.contains(entry) {
            values.append(entry)
        }
        return values.isEmpty ? nil : values
    }

    /// Pairs of names; values other than strings are skipped.
    func aliases(_ key: Key) -> (names: [ModelID: EngineModelID], omitted: OmittedEntries) {
        let entries = detail([String: Entry<String>].self, key) ?? [:]
        var names: [ModelID: EngineModelID] = [:]
        for (name, entry) in entries { names[ModelID(name)] = entry.value.map { EngineModelID($0) } }
        var omitted = OmittedEntries()
        omitted.add(entries.count - names.count, "a value of \(key.stringValue) is not a string")
        return (names, omitted)
    }

    /// A number, truncated to an integer, or an integer in a string; nil if it is out of range.
    func wholeNumber(_ key: Key) -> Int? {
        if let whole = detail(Int.self, key) { return whole }
        if let text = text(key), text.utf8.count <= 20 { return Int(text) }
        guard let number = detail(Double.self, key), number.isFinite else { return nil }
        return Int(exactly: number.rounded(.towardZero))
    }
}

/// A list entry; its value is nil if it has an unexpected type.
private struct Entry<Value: Decodable>: Decodable {
    let value: Value?

    init(from decoder: any Decoder) throws { value = try? Value(from: decoder) }
}
