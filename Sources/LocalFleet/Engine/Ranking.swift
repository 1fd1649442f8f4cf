import SimpleAICore

/// `/v1/rerank`, `/v2/rerank` and `/rerank`: the scores depend on the words that query and document share, and on the
/// seed. The response has the members of both Cohere's and Jina's form.
struct Ranking {
    private struct Entry {
        let index: Int
        let text: String
        let score: Double
    }

    private let entries: [Entry]
    private let tokens: Int

    init(_ documents: [String], query: String, seed: UInt64, limit: Int?) {
        let wanted = Self.words(of: query)
        entries = documents.enumerated().map { index, text in
            let shared = wanted.intersection(Self.words(of: text)).count
            let overlap = wanted.isEmpty ? 0 : Double(shared) / Double(wanted.count)
            let noise = Double((seed ^ SimulatedResponse.hash([query, text])) % 1_000) / 10_000
            return Entry(index: index, text: text, score: 0.9 * overlap + noise)
        }.sorted { ($1.score, $0.index) < ($0.score, $1.index) }.prefix(limit ?? documents.count).map(\.self)
        tokens = SimulatedResponse.tokenCount(of: documents + [query])
    }

    private static func words(of text: String) -> Set<ExactString> {
        Set(text.lowercased().split { !$0.isLetter && !$0.isNumber }.map { ExactString(String($0)) })
    }

    func document(id: String, model: String, withDocuments: Bool) -> JSONText {
        let results = entries.map { entry in
            JSONText.object(
                [("index", .integer(entry.index)), ("relevance_score", .number(entry.score))]
                    + (withDocuments ? [("document", ["text": .string(entry.text)])] : []))
        }
        return [
            "id": .string("rerank-" + id), "object": "list", "model": .string(model), "results": .array(results),
            "usage": ["prompt_tokens": .integer(tokens), "total_tokens": .integer(tokens)],
            "meta": ["api_version": ["version": "2"], "billed_units": ["search_units": 1]],
        ]
    }
}
