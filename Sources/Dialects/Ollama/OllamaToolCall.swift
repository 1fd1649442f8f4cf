import SimpleAICore

/// A complete tool call of an engine. Its arguments are a JSON object here, and JSON in a string in chat completions.
struct OllamaToolCall {
    let id: String?
    let name: String
    /// The arguments as the engine wrote them.
    let arguments: [UInt8]

    /// The arguments as one JSON object: nil if they are anything else.
    private var object: ArraySlice<UInt8>? {
        if arguments.allSatisfy({ $0 <= 0x20 }) { return ArraySlice("{}".utf8) }
        guard let slice = JSONSlice(document: arguments[...]), slice.isObject else { return nil }
        return slice.bytes
    }

    /// Whether a client can execute the call: it has a name, and its arguments are complete.
    var isComplete: Bool { !name.isEmpty && object != nil }

    /// An incomplete call as text. Ollama, too, sends what it cannot read as a call as text, so that no client executes
    /// it and none loses it.
    var text: String {
        "{\"name\": \(JSONString.encode(name)), \"arguments\": \(String(decoding: arguments, as: UTF8.self))}"
    }

    /// Writes the member `tool_calls`; nothing if there are none.
    static func write(_ calls: [OllamaToolCall], to writer: inout OllamaWriter) {
        guard !calls.isEmpty else { return }
        writer.key("tool_calls")
        writer.beginArray()
        for (index, call) in calls.enumerated() {
            guard let object = call.object else { continue }
            writer.beginObject()
            if let id = call.id {
                writer.key("id")
                writer.string(id)
            }
            writer.key("function")
            writer.beginObject()
            writer.key("index")
            writer.integer(index)
            writer.key("name")
            writer.string(call.name)
            writer.key("arguments")
            writer.raw(object)
            writer.endObject()
            writer.endObject()
        }
        writer.endArray()
    }
}

/// Collects tool calls, whose names and arguments come in pieces, until they are complete.
struct OllamaToolCallCollector {
    private struct Call {
        var index: Int
        var id: String?
        var name: String
        var arguments: [UInt8]
    }

    private var calls: [Call] = []
    private var size = 0
    /// Whether the calls exceeded a limit; they are no longer collected.
    private(set) var isOverflowing = false

    /// In bytes, of all calls of a response together.
    static let maxSize = 4 << 20
    static let maxCalls = 1024

    var isEmpty: Bool { calls.isEmpty }

    /// - Parameter list: the member `tool_calls` of a message or a delta.
    mutating func receive(_ list: JSONSlice) {
        for (position, piece) in list.elements.enumerated() where piece.isObject {
            guard !isOverflowing else { return }
            receive(piece, position: position)
        }
    }

    private mutating func receive(_ piece: JSONSlice, position: Int) {
        let function = piece["function"]
        let id = piece["id"]?.string.flatMap { $0.isEmpty ? nil : $0 }
        let name = function?["name"]?.string ?? ""
        let arguments = Self.arguments(function?["arguments"])
        size += arguments.count + name.utf8.count + (id?.utf8.count ?? 0)
        let index = piece["index"]?.integer ?? position
        // Some engines give every call the same index, and distinguish them by their ids.
        let found = calls.lastIndex { $0.index == index }
        if let found, !(id != nil && !name.isEmpty && calls[found].id.map { !$0.isExactly(id ?? "") } ?? false) {
            calls[found].arguments += arguments
            if calls[found].name.isEmpty { calls[found].name = name }
            if calls[found].id == nil { calls[found].id = id }
        } else {
            calls.append(Call(index: index, id: id, name: name, arguments: arguments))
        }
        guard size > Self.maxSize || calls.count > Self.maxCalls else { return }
        isOverflowing = true
        calls.removeAll()
    }

    /// Some engines send an object instead of a string.
    private static func arguments(_ value: JSONSlice?) -> [UInt8] {
        guard let value, !value.isNull else { return [] }
        return value.string.map { Array($0.utf8) } ?? Array(value.bytes)
    }

    /// Takes all calls: those that a client can execute, and the text of the others.
    mutating func take() -> (calls: [OllamaToolCall], text: String?) {
        let all = calls.map { OllamaToolCall(id: $0.id, name: $0.name, arguments: $0.arguments) }
        calls.removeAll()
        let incomplete = all.filter { !$0.isComplete }
        return (all.filter(\.isComplete), incomplete.isEmpty ? nil : incomplete.map(\.text).joined(separator: "\n"))
    }
}
