import SimpleAICore

/// Collects the tool calls of a stream, whose names and arguments come in pieces, until they are complete.
struct OllamaToolCallCollector {
    private var table = ToolCallTable()
    /// The arguments of each call, as contents of string tokens.
    private var arguments: [[UInt8]] = []
    private var argumentBytes = 0

    /// In bytes, of all calls of a stream together.
    static let maxSize = 4 << 20

    /// What exceeds a limit; nil if nothing does.
    var failure: String? {
        if table.isOverflowing { return "more than \(ToolCallTable.maxCount) tool calls" }
        return argumentBytes + table.keptBytes > Self.maxSize
            ? "tool calls of more than \(Self.maxSize >> 20) MiB" : nil
    }

    mutating func receive(_ chunk: OllamaCompletion) {
        for delta in chunk.toolCalls?.elements ?? [] where failure == nil {
            if let (position, piece) = table.receive(delta) { append(piece, position) }
        }
        if let call = chunk.functionCall, let (position, piece) = table.receive(functionCall: call) {
            append(piece, position)
        }
    }

    private mutating func append(_ piece: ArraySlice<UInt8>, _ position: Int) {
        while arguments.count <= position { arguments.append([]) }
        arguments[position] += piece
        argumentBytes += piece.count
    }

    /// Takes all calls.
    mutating func take() -> [OllamaToolCall] {
        defer { self = OllamaToolCallCollector() }
        return arguments.indices.map { position in
            let content = arguments[position] + table.takeHeld(at: position)
            let call = table.calls[position]
            let quote = [UInt8(ascii: "\"")]
            return OllamaToolCall(
                id: call.id?.string, name: call.name?.string ?? "",
                arguments: Array(JSONString.decode(quote + content + quote).utf8))
        }
    }
}
