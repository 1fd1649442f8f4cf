public import SimpleAICore

/// Reads the stream of an engine that speaks Ollama's API, line by line: where the model id stands, the usage, errors, and
/// whether the stream is complete.
public struct OllamaStreamReader: Sendable {
    private let model: String
    /// Whether the line with `done: true` has been received. The owner forwards it, and no line after it.
    public private(set) var isComplete = false
    public private(set) var usage: TokenUsage?
    /// Number of lines that carried a piece of the completion.
    public private(set) var pieces = 0

    private static let keys: JSONScanner.Keys = [
        "model", "error", "done", "message", "response", "thinking", "prompt_eval_count", "eval_count",
    ]

    /// - Parameter model: the public model id.
    public init(model: String) { self.model = model }

    /// - Parameter payload: a line without its line break. Ranges in the result are indices of it.
    public mutating func receive(_ payload: ArraySlice<UInt8>) -> StreamStep {
        guard let line = JSONMembers(document: payload, keys: Self.keys, grammar: .lenient) else {
            return .failed(EngineError(payload))
        }
        if EngineError.isStated(error: line["error"], object: nil) { return .failed(EngineError(payload)) }
        if hasPiece(line) { pieces += 1 }
        if let done = line["done"], OllamaFields.bool(done) == true {
            isComplete = true
            readUsage(line)
        }
        guard let value = line["model"], let name = value.string, !name.isExactly(model) else {
            return .forward(modelAt: nil)
        }
        return .forward(modelAt: value.bytes.indices)
    }

    private func hasPiece(_ line: JSONMembers) -> Bool {
        for key in ["response", "thinking"] {
            if let value = line[key], !value.isEmpty { return true }
        }
        guard let message = line["message"] else { return false }
        var hasPiece = false
        message.forEachMember { key, value in
            if !value.isEmpty, !JSONSlice.isKey(key, "role") { hasPiece = true }
        }
        return hasPiece
    }

    private mutating func readUsage(_ line: JSONMembers) {
        let (prompt, completion) = (line["prompt_eval_count"]?.integer, line["eval_count"]?.integer)
        guard prompt != nil || completion != nil else { return }
        usage = TokenUsage(prompt: max(0, prompt ?? 0), completion: max(0, completion ?? 0))
    }
}
