/// Makes new input from existing input, reproducibly for a seed.
public struct Mutator: RandomNumberGenerator {
    private var state: UInt64
    private static let longest = 8 << 10

    public init(seed: UInt64) { state = seed }

    /// splitmix64.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// - Parameters:
    ///   - seeds: known input; at least one.
    ///   - words: words with a meaning in the format.
    public mutating func input(from seeds: [[UInt8]], words: [String]) -> [UInt8] {
        var bytes = seeds[number(below: seeds.count)]
        for _ in 0...number(below: 6) {
            mutate(&bytes, seeds, words)
            if bytes.count > Self.longest { bytes.removeLast(bytes.count - Self.longest) }
        }
        return bytes
    }

    private mutating func mutate(_ bytes: inout [UInt8], _ seeds: [[UInt8]], _ words: [String]) {
        let place = number(below: bytes.count + 1)
        switch number(below: 10) {
        case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8(number(below: 8))
        case 1 where place < bytes.count: bytes[place] = UInt8(truncatingIfNeeded: next())
        case 2: bytes.insert(UInt8(truncatingIfNeeded: next()), at: place)
        case 3: bytes.removeSubrange(range(in: bytes))
        case 4: bytes.insert(contentsOf: Array(bytes[range(in: bytes)]), at: place)
        case 5 where !words.isEmpty: bytes.insert(contentsOf: words[number(below: words.count)].utf8, at: place)
        case 6 where !words.isEmpty:
            bytes.replaceSubrange(range(in: bytes), with: words[number(below: words.count)].utf8)
        case 7:
            let other = seeds[number(below: seeds.count)]
            bytes.replaceSubrange(place..<bytes.count, with: other[number(below: other.count + 1)...])
        case 8: bytes.removeLast(bytes.count - place)
        default:
            // Repetition of one part: depth, length, number.
            let part = Array(bytes[range(in: bytes)].prefix(8))
            for _ in 0..<number(below: 64) { bytes.insert(contentsOf: part, at: place) }
        }
    }

    private mutating func range(in bytes: [UInt8]) -> Range<Int> {
        let start = number(below: bytes.count + 1)
        return start..<min(bytes.count, start + 1 + number(below: 16))
    }

    private mutating func number(below limit: Int) -> Int { Int(next() % UInt64(max(1, limit))) }
}
