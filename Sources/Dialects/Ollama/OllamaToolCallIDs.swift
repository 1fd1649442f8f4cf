import SimpleAICore

/// The ids that connect tool calls with their results. Chat completions require them; Ollama's messages connect by name,
/// or only by order.
struct OllamaToolCallIDs {
    private var pending: [(id: String, name: String)] = []
    private var count = 0

    /// Maximum number of calls in one message that are connected by name or order.
    private static let maxPending = 1024

    /// A message with tool calls begins: later results belong to its calls.
    mutating func beginMessage() { pending.removeAll() }

    mutating func id(for call: OllamaMessage.ToolCall) -> String {
        let id = call.id ?? newID()
        if pending.count < Self.maxPending { pending.append((id, call.name)) }
        return id
    }

    /// The id for a result: the stated one, that of the first call of the named tool without a result, or that of the
    /// first call without a result.
    mutating func id(forResultOf name: String?, stated: String?) -> String {
        if let stated, !stated.isEmpty {
            if let index = pending.firstIndex(where: { $0.id.isExactly(stated) }) { pending.remove(at: index) }
            return stated
        }
        let named = name.flatMap { name in pending.firstIndex { $0.name.isExactly(name) } }
        guard let index = named ?? pending.indices.first else { return newID() }
        return pending.remove(at: index).id
    }

    /// Nine letters and digits, because the templates of Mistral's models accept no other ids.
    private mutating func newID() -> String {
        count += 1
        let digits = String(count)
        return "call" + String(repeating: "0", count: max(0, 5 - digits.utf8.count)) + digits
    }
}
