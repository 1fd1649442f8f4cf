import Foundation

/// `/v1/embeddings`: unit vectors that depend only on the text and the seed.
struct Embedding {
    let values: [Float]

    init(of text: String, seed: UInt64, dimensions: Int) {
        var random = SplitMix64(state: seed ^ SimulatedResponse.hash([text]))
        let raw = (0..<dimensions).map { _ in Float.random(in: -1...1, using: &random) }
        let length = raw.reduce(0) { $0 + $1 * $1 }.squareRoot()
        values = raw.map { length > 0 ? $0 / length : 0 }
    }

    /// As numbers, or as base64 of little-endian 32-bit floats, which OpenAI's clients request.
    func json(asBase64: Bool) -> JSONText {
        guard asBase64 else { return .array(values.map { .number(Double($0)) }) }
        var bytes = Data(capacity: values.count * 4)
        for value in values {
            withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
        }
        return .string(bytes.base64EncodedString())
    }

    static func list(for request: InferenceRequest, model: String, seed: UInt64) -> JSONText {
        let texts = request.input?.texts ?? []
        let tokens = SimulatedResponse.tokenCount(of: texts)
        let entries = texts.enumerated().map { index, text in
            let embedding = Embedding(of: text, seed: seed, dimensions: request.dimensions ?? 64)
            return JSONText.object([
                ("object", "embedding"), ("index", .integer(index)),
                ("embedding", embedding.json(asBase64: request.encodingFormat == "base64")),
            ])
        }
        return [
            "object": "list", "data": .array(entries), "model": .string(model),
            "usage": ["prompt_tokens": .integer(tokens), "total_tokens": .integer(tokens)],
        ]
    }
}
