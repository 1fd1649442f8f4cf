import SimpleAICore

/// The tool calls of a stream: decides to which call a delta belongs, and whether a call's arguments are complete.
struct ToolCallTable {
    struct Call {
        /// The engine's index; nil if it stated none.
        var index: Int?
        var id: JSONSlice?
        var name: JSONSlice?
        fileprivate(set) var hasArguments = false
        private var scanner = JSONScanner(watching: [])
        private var isMalformed = false

        fileprivate init(index: Int?) { self.index = index }

        /// - Parameter text: decoded.
        fileprivate mutating func append(_ text: some Sequence<UInt8>) {
            hasArguments = true
            guard !isMalformed else { return }
            do throws(JSONError) {
                try scanner.scan(Array(text)[...])
            } catch {
                isMalformed = true
            }
        }

        /// Whether nothing can follow the arguments so far. Malformed arguments count as complete, because nothing can
        /// repair them.
        var isComplete: Bool {
            guard hasArguments, !isMalformed else { return hasArguments }
            var copy = scanner
            do throws(JSONError) {
                try copy.finish()
                return true
            } catch {
                return false
            }
        }
    }

    /// Maximum number of calls in a stream; further ones are dropped.
    static let maxCount = 512

    private(set) var calls: [Call] = []

    /// Assigns one element of `tool_calls`.
    /// - Returns: the call's position, and the piece of its arguments as the content of a string token; nil if the call
    ///   is dropped.
    mutating func receive(_ delta: JSONSlice) -> (position: Int, piece: ArraySlice<UInt8>)? {
        guard delta.isObject else { return nil }
        return receive(
            index: delta["index"]?.integer, id: Self.text(delta["id"]), function: delta["function"] ?? delta)
    }

    /// Assigns a `function_call`, of which a stream has only one.
    mutating func receive(functionCall: JSONSlice) -> (position: Int, piece: ArraySlice<UInt8>)? {
        receive(index: 0, id: nil, function: functionCall)
    }

    private mutating func receive(
        index: Int?, id: JSONSlice?, function: JSONSlice
    ) -> (position: Int, piece: ArraySlice<UInt8>)? {
        let name = Self.text(function["name"])
        let arguments = function["arguments"].flatMap { $0.isNull || $0.bytes.count == 2 && $0.isString ? nil : $0 }
        guard let position = position(index: index, id: id, name: name, hasArguments: arguments != nil) else {
            return nil
        }
        if calls[position].id == nil { calls[position].id = id }
        if calls[position].name == nil { calls[position].name = name }
        guard let arguments else { return (position, []) }
        if arguments.isString {
            calls[position].append(JSONString.decode(arguments.bytes).utf8)
            return (position, arguments.strictStringContent)
        }
        // Some engines send the arguments as an object.
        calls[position].append(arguments.bytes)
        return (position, MessageBytes.escaped(String(decoding: arguments.bytes, as: UTF8.self).utf8)[...])
    }

    /// The position of the call that a delta belongs to; nil if there are too many calls.
    private mutating func position(index: Int?, id: JSONSlice?, name: JSONSlice?, hasArguments: Bool) -> Int? {
        let found = calls.lastIndex { call in
            // A delta without index and id continues the latest call.
            index != nil ? call.index == index : id == nil || Self.equal(call.id, id)
        }
        if let found, !beginsCall(after: calls[found], index, id, name, hasArguments) { return found }
        guard calls.count < Self.maxCount else { return nil }
        calls.append(Call(index: index))
        return calls.count - 1
    }

    /// Whether a delta begins another call than the one that its index and id point to. Ollama numbers every call 0,
    /// older versions number none.
    private func beginsCall(
        after call: Call, _ index: Int?, _ id: JSONSlice?, _ name: JSONSlice?, _ hasArguments: Bool
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

    private static func equal(_ left: JSONSlice?, _ right: JSONSlice?) -> Bool {
        switch (left, right) {
        case (nil, nil): true
        case (let left?, let right?): left.bytes.elementsEqual(right.bytes)
        default: false
        }
    }
}
