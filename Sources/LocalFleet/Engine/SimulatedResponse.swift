/// A text that states that it is simulated; it depends only on the prompt and the seed.
struct SimulatedResponse: Sendable {
    let tokens: [String]
    /// Whether the token limit of the request cut the text short.
    let isCutShort: Bool

    var text: String { tokens.joined() }

    init(to prompt: [String], seed: UInt64, limit: Int?) {
        var random = SplitMix64(state: seed ^ Self.hash(prompt))
        var tokens = ["This", " is", " a", " simulated", " answer", ":"]
        for _ in 0..<Int.random(in: 10...40, using: &random) {
            tokens.append(" " + Self.words[Int.random(in: 0..<Self.words.count, using: &random)])
        }
        tokens.append(".")
        let limit = limit ?? tokens.count
        isCutShort = limit < tokens.count
        self.tokens = Array(tokens.prefix(limit))
    }

    /// One token per word: plausible as usage, but not exact.
    static func tokenCount(of texts: [String]) -> Int {
        texts.reduce(0) { $0 + $1.split(whereSeparator: \.isWhitespace).count }
    }

    /// FNV-1a; Swift's own hashing differs between processes.
    static func hash(_ texts: [String]) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for text in texts {
            for byte in text.utf8 {
                hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
            }
        }
        return hash
    }

    private static let words = [
        "amber", "birch", "cloud", "delta", "ember", "fjord", "grain", "harbour", "island", "juniper", "kettle",
        "lantern", "meadow", "north", "orchard", "pebble", "quartz", "river", "sparrow", "timber", "umbra", "valley",
        "willow", "xenon", "yarrow", "zephyr",
    ]
}

/// Sebastiano Vigna's SplitMix64: small, seedable, sufficient for words and vectors.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
