import SimpleAICore

/// The id and the name of a tool call, as contents of string tokens.
enum ToolCallNames {
    /// The function of a call. Some engines state its name and arguments in the call itself.
    static func function(of call: JSONSlice) -> JSONSlice {
        call["function"].flatMap { $0.isObject ? $0 : nil } ?? call
    }

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

    /// A call without a name reaches the client, which responds with an error of the tool, so that the model can repeat it.
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
        let text = text(arguments)
        if let object = object(text) { return Array(object) }
        let string = JSONString.encode(String(decoding: text, as: UTF8.self))
        return Array("{\"_raw\":\(string)}".utf8)
    }

    /// The decoded text of arguments, which some engines send as an object instead of a string.
    static func text(_ arguments: JSONSlice) -> ArraySlice<UInt8> {
        arguments.isString ? Array(JSONString.decode(arguments.bytes).utf8)[...] : arguments.bytes
    }

    /// The arguments as one JSON object: `{}` for none, the object in a string if they are encoded twice, the object after
    /// a `{}` that stood for it. Nil if they are anything else.
    static func object(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        if let object = plainObject(text) { return object }
        if let string = JSONSlice(document: text), string.isString {
            return plainObject(Array(JSONString.decode(string.bytes).utf8)[...])
        }
        let visible = text.drop { $0 <= 0x20 }
        guard visible.starts(with: "{}".utf8), let rest = JSONSlice(document: visible.dropFirst(2)), rest.isObject
        else { return nil }
        return rest.bytes
    }

    private static func plainObject(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard text.contains(where: { $0 > 0x20 }) else { return Array("{}".utf8)[...] }
        guard let json = JSONSlice(document: text) else { return nil }
        return json.isObject ? json.bytes : json.isNull ? Array("{}".utf8)[...] : nil
    }
}
