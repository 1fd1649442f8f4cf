/// The memory of all graphics cards together, in bytes, from `nvidia-smi`.
struct GraphicsMemory: Hashable, Sendable {
    var used = 0
    var total = 0

    init(used: Int, total: Int) { (self.used, self.total) = (used, total) }

    private static let query = ["--query-gpu=memory.used,memory.total", "--format=csv,noheader,nounits"]

    /// Returns nil if `nvidia-smi` is missing or finds no card.
    static func now(program: String = "nvidia-smi", within timeout: Duration = .seconds(5)) async -> GraphicsMemory? {
        guard let tool = try? Program([program] + query), let text = await tool.output(within: timeout) else {
            return nil
        }
        return GraphicsMemory(text)
    }

    /// Parses one line per card: `1234, 24576`, in MiB.
    init?(_ text: String) {
        let cards = text.split(separator: "\n").compactMap { line -> (Int, Int)? in
            let numbers = line.split(separator: ",").map { Int($0.filter { $0.isNumber }) }
            guard numbers.count == 2, let used = numbers[0], let total = numbers[1] else { return nil }
            return (used, total)
        }
        guard !cards.isEmpty else { return nil }
        used = cards.reduce(0) { $0 + $1.0 } << 20
        total = cards.reduce(0) { $0 + $1.1 } << 20
    }
}
