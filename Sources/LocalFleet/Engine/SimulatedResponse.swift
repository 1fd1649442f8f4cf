/// A response that states that it is simulated; it depends only on the request and the seed.
struct SimulatedResponse: Sendable {
    /// The tokens of the reasoning; empty unless the request asks for it.
    var thinking: [String] = []
    /// The tokens of the text.
    var tokens: [String]
    var toolCall: ToolCall?
    /// Whether the token limit of the request cut the response short.
    private(set) var isCutShort = false

    var text: String { tokens.joined() }
    var tokenCount: Int { thinking.count + tokens.count + (toolCall?.argumentPieces.count ?? 0) }

    static let opening = ["This", " is", " a", " simulated", " answer", ":"]

    /// - Parameters:
    ///   - limit: maximum number of tokens.
    ///   - opening: the first tokens of the text.
    init(to prompt: [String], seed: UInt64, limit: Int?, opening: [String] = Self.opening) {
        if let last = Self.lastNumber(in: prompt) {
            tokens = (1...last).map { " \($0)" }
            cut(to: limit)
            return
        }
        var random = SplitMix64(state: seed ^ Self.hash(prompt))
        tokens = opening
        for _ in 0..<Int.random(in: 10...40, using: &random) {
            tokens.append(" " + Self.words[Int.random(in: 0..<Self.words.count, using: &random)])
        }
        tokens.append(".")
        cut(to: limit)
    }

    /// A prompt may ask for a long response, whose tokens are numbers: `count from 1 to N, in digits`.
    private static func lastNumber(in prompt: [String]) -> Int? {
        for text in prompt {
            guard let match = text.firstMatch(of: /[Cc]ount from 1 to (\d{1,5}), in digits/) else { continue }
            return Int(match.1).map { min(max($0, 1), maxNumber) }
        }
        return nil
    }

    static let maxNumber = 10_000

    /// The response to a request that may ask for reasoning and for the call of a tool.
    init(to request: InferenceRequest, seed: UInt64) {
        self.init(to: request.promptTexts, seed: seed, limit: nil)
        if request.asksForThinking {
            thinking =
                ["This", " is", " simulated", " thinking", " about"] + tokens.dropFirst(Self.opening.count).prefix(6)
        }
        if let call = request.toolToCall {
            toolCall = call
            tokens = ["This", " is", " a", " simulated", " call", " of", " a", " tool", "."]
        }
        cut(to: request.tokenLimit)
    }

    private mutating func cut(to limit: Int?) {
        guard let limit = limit.map({ max(0, $0) }), limit < tokenCount else { return }
        isCutShort = true
        toolCall = nil
        thinking = Array(thinking.prefix(limit))
        tokens = Array(tokens.prefix(limit - thinking.count))
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
