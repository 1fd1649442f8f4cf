// Details that nothing depends on: one of another type than expected is none, and no reason to refuse a runner that has
// been in service for years.
extension KeyedDecodingContainer {
    func detail<Value: Decodable>(_ type: Value.Type, _ key: Key) -> Value? {
        (try? decodeIfPresent(type, forKey: key)) ?? nil
    }

    func text(_ key: Key) -> String? { detail(String.self, key) }

    /// A number that fits, its fraction cut off.
    func wholeNumber(_ key: Key) -> Int? {
        if let whole = detail(Int.self, key) { return whole }
        guard let number = detail(Double.self, key), number.isFinite else { return nil }
        return Int(exactly: number.rounded(.towardZero))
    }
}
