import SimpleAICore

/// The tool calls of a stream: decides to which call a delta belongs, and whether a call's arguments are complete.
struct ToolCallTable {
    /// Maximum number of calls in a stream.
    static let maxCount = 1024

    private(set) var calls: [ToolCallDelta] = []
    /// Number of bytes of the names and ids, and of the arguments that calls hold back.
    private(set) var keptBytes = 0
    /// Whether the stream has more calls than the maximum.
    private(set) var isOverflowing = false

    /// Assigns one element of `tool_calls`.
    /// - Returns: the call's position, and the piece of its arguments as the content of a string token; nil if the call
    ///   is dropped.
    mutating func receive(_ delta: JSONSlice) -> (position: Int, piece: ArraySlice<UInt8>)? {
        guard delta.isObject else { return nil }
        return receive(
            index: delta["index"]?.integer, id: Self.text(delta["id"]), function: ToolCallNames.function(of: delta))
    }

    /// Assigns a `function_call`, of which a stream has only one.
    mutating func receive(functionCall: JSONSlice) -> (position: Int, piece: ArraySlice<UInt8>)? {
        receive(index: 0, id: nil, function: functionCall)
    }

    /// The end of the arguments, if the call holds it back: the content of a string token.
    mutating func takeHeld(at position: Int) -> [UInt8] {
        keptBytes -= calls[position].heldBytes
        return calls[position].takeHeld()
    }

    private mutating func receive(
        index: Int?, id: JSONSlice?, function: JSONSlice
    ) -> (position: Int, piece: ArraySlice<UInt8>)? {
        let name = Self.text(function["name"])
        let arguments = function["arguments"].flatMap { $0.isNull || $0.bytes.count == 2 && $0.isString ? nil : $0 }
        guard let position = position(index: index, id: id, name: name, hasArguments: arguments != nil) else {
            return nil
        }
        let keptBefore = calls[position].keptBytes
        defer { keptBytes += calls[position].keptBytes - keptBefore }
        if calls[position].id == nil { calls[position].id = id.map(Self.copy) }
        if calls[position].name == nil { calls[position].name = name.map(Self.copy) }
        guard let arguments else { return (position, []) }
        if arguments.isString {
            let text = Array(JSONString.decode(arguments.bytes).utf8)
            return (position, calls[position].append(text, content: arguments.strictStringContent))
        }
        // Some engines send the arguments as an object.
        let text = Array(arguments.bytes)
        return (position, calls[position].append(text, content: MessageBytes.escaped(text)[...]))
    }

    /// The position of the call that a delta belongs to; nil if there are too many calls.
    private mutating func position(index: Int?, id: JSONSlice?, name: JSONSlice?, hasArguments: Bool) -> Int? {
        let found = calls.lastIndex { call in
            // A delta without index and id continues the latest call.
            index != nil ? call.index == index : id == nil || Self.equal(call.id, id)
        }
        if let found, !beginsCall(after: calls[found], index, id, name, hasArguments) { return found }
        guard calls.count < Self.maxCount else {
            isOverflowing = true
            return nil
        }
        calls.append(ToolCallDelta(index: index))
        return calls.count - 1
    }

    /// Whether a delta begins another call than the one that its index and id point to. Ollama numbers every call 0,
    /// older versions number none.
    private func beginsCall(
        after call: ToolCallDelta, _ index: Int?, _ id: JSONSlice?, _ name: JSONSlice?, _ hasArguments: Bool
    ) -> Bool {
        guard let name else { return false }
        if id != nil, call.id != nil { return !Self.equal(call.id, id) }
        guard let known = call.name else { return false }
        if index == nil, !Self.equal(known, name) { return true }
        return call.isComplete && (hasArguments || index == nil)
    }

    private static func text(_ value: JSONSlice?) -> JSONSlice? {
        value.flatMap { $0.isString && !$0.isEmpty ? $0 : nil }
    }

    /// A copy that does not keep the whole chunk in memory.
    private static func copy(_ value: JSONSlice) -> JSONSlice { JSONSlice(checked: Array(value.bytes)[...]) }

    private static func equal(_ left: JSONSlice?, _ right: JSONSlice?) -> Bool {
        switch (left, right) {
        case (nil, nil): true
        case (let left?, let right?): left.bytes.elementsEqual(right.bytes)
        default: false
        }
    }
}
