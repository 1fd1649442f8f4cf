/// Finds the known name that is closest to a misspelt one.
enum Spelling {
    /// In bytes.
    private static let maxLength = 100
    /// Maximum number of names to compare.
    private static let maxNames = 1_000

    /// The name most similar to `written`; nil if none is similar. Case, `-` and `_` are ignored.
    static func nearest(to written: String, among names: some Sequence<String>) -> String? {
        // The time to compare grows with both lengths, and a text far longer than every name is not a misspelling.
        guard written.utf8.count <= maxLength else { return nil }
        let folded = fold(written)
        let limit = max(1, folded.count / 3)
        var nearest: (name: String, distance: Int)?
        for name in names.lazy.filter({ $0.utf8.count <= 2 * maxLength }).prefix(maxNames) {
            let other = fold(name)
            guard abs(other.count - folded.count) <= limit else { continue }
            let distance = distance(folded, other)
            if distance <= limit, distance < nearest?.distance ?? .max { nearest = (name, distance) }
        }
        return nearest?.name
    }

    private static func fold(_ name: String) -> [Character] {
        name.lowercased().filter { $0 != "-" && $0 != "_" }
    }

    /// The number of insertions, deletions, replacements and transpositions of adjacent characters (optimal string
    /// alignment).
    static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for i in left.indices {
            var row = [i + 1]
            for j in right.indices {
                var cost = min(last[j] + (left[i] == right[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                    cost = min(cost, beforeLast[j - 1] + 1)
                }
                row.append(cost)
            }
            (beforeLast, last) = (last, row)
        }
        return last[right.count]
    }
}
