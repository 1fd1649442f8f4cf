import SimpleAICore

/// The id and the name of a tool call, as contents of string tokens.
enum ToolCallNames {
    /// The engine's id; a new one if it stated none or used it before, because clients match results by it.
    static func id(_ stated: JSONSlice?, of messageID: String, number: Int, used: inout Set<ExactString>) -> [UInt8] {
        if let stated, stated.isString, !stated.isEmpty {
            let id = Array(stated.strictStringContent)
            if used.insert(ExactString(String(decoding: id, as: UTF8.self))).inserted { return id }
        }
        let suffix = messageID.utf8.starts(with: "msg_".utf8) ? messageID.dropFirst(4) : messageID[...]
        let id = "toolu_\(suffix)_\(number)"
        used.insert(ExactString(id))
        return Array(JSONString.encode(id).utf8.dropFirst().dropLast())
    }

    /// A call without a name reaches the client, which answers that there is no such tool, so that the model can repair
    /// it.
    static func name(_ stated: JSONSlice?) -> [UInt8] {
        guard let stated, stated.isString, !stated.isEmpty else { return Array("unknown".utf8) }
        return Array(stated.strictStringContent)
    }
}

/// The arguments of a tool call.
enum ToolArguments {
    /// The `input` of a `tool_use` block, always an object: the arguments if they are one, `{}` if there are none.
    ///
    /// Malformed arguments become `{"_raw":"…"}`. An empty object would let the client execute the tool with no arguments;
    /// this one fails its schema, and the model reads what it wrote.
    static func input(_ arguments: JSONSlice?) -> [UInt8] {
        guard let arguments, !arguments.isNull else { return Array("{}".utf8) }
        let text = arguments.isString ? Array(JSONString.decode(arguments.bytes).utf8)[...] : arguments.bytes
        guard text.contains(where: { $0 > 0x20 }) else { return Array("{}".utf8) }
        if let json = JSONSlice(document: text), json.isObject { return Array(json.bytes) }
        if let json = JSONSlice(document: text), json.isNull { return Array("{}".utf8) }
        let string = JSONString.encode(String(decoding: text, as: UTF8.self))
        return Array("{\"_raw\":\(string)}".utf8)
    }
}
