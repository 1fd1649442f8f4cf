/// A parser of unauthenticated input, and the invariants that must hold for any input. A crash is a finding by
/// itself.
public struct FuzzTarget: Sendable {
    public let name: String
    /// Valid input and known problematic input, from which the mutator makes other input.
    public let seeds: [[UInt8]]
    /// Words with a meaning in this format: random bytes would hardly ever spell them.
    public let words: [String]
    /// Throws `Finding` if an invariant is broken.
    public let check: @Sendable ([UInt8]) throws -> Void

    init(
        _ name: String, seeds: [String], words: [String], check: @escaping @Sendable ([UInt8]) throws -> Void
    ) {
        self.name = name
        self.seeds = seeds.map { Array($0.utf8) }
        self.words = words
        self.check = check
    }

    public static let all: [FuzzTarget] = [
        .body, .secondReader, .events, .requests, .answers, .tokens, .namesAndFields, .settings,
    ]
}

/// A broken invariant.
public struct Finding: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

func require(_ condition: Bool, _ otherwise: @autoclosure () -> String) throws(Finding) {
    if !condition { throw Finding(otherwise()) }
}

/// The bytes in two pieces, cut at positions that are derived from a handful of numbers, and byte by byte: the
/// segmentation must not change the result. All cuts of long input would take too long.
func cuts(of bytes: [UInt8]) -> [[ArraySlice<UInt8>]] {
    let places = bytes.count <= 64 ? Array(0...bytes.count) : (1...24).map { bytes.count * $0 * 7919 % bytes.count }
    return places.map { [bytes[..<$0], bytes[$0...]] } + [bytes.indices.map { bytes[$0...$0] }]
}
