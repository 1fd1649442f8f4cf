/// Estimates how large a model is, to propose classes.
enum ModelSize {
    /// Bytes of a parameter in the usual quantization.
    private static let bytesPerParameter = 0.6

    /// Billions of parameters: from the id (`llama3.1:8b`, `Qwen2.5-0.5B-Instruct`, `mixtral-8x7b`), otherwise from the size
    /// in bytes; nil if both are unknown.
    static func billions(of model: FoundEngine.Model) -> Double? {
        parameters(in: model.id) ?? model.size.map { Double($0) / bytesPerParameter / 1e9 }
    }

    /// The largest number before a `b` that ends a word.
    private static func parameters(in id: String) -> Double? {
        var best: Double?
        for word in id.lowercased().split(whereSeparator: { !($0.isASCII && ($0.isLetter || $0.isNumber || $0 == ".")) }
        ) {
            guard word.last == "b" else { continue }
            let number = word.dropLast()
            let factors = number.split(separator: "x").map { Double($0) }
            guard !factors.isEmpty, factors.count <= 2,
                factors.allSatisfy({ $0.map { $0 > 0 && $0 < 10_000 } ?? false })
            else { continue }
            let value = factors.compactMap(\.self).reduce(1, *)
            best = max(best ?? 0, value)
        }
        return best
    }

    /// Whether the model answers in text: others belong to no class of chat models.
    static func isChat(_ id: String) -> Bool {
        let name = id.lowercased()
        return ![
            "embed", "bge-", "minilm", "rerank", "whisper", "tts", "kokoro", "piper", "stable-diffusion", "flux",
            "clip",
        ]
        .contains { name.contains($0) }
    }
}
