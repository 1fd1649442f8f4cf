import SimpleAICore

/// Writes the messages of a chat completion request.
///
/// Consecutive turns of the user are one message, as in the Messages API. Engines whose chat templates accept a system
/// message only at the beginning get one there; a later one (Claude Code sends them) becomes text of the user at its
/// position, so that the engine's prompt cache stays valid.
struct ChatMessagesTranslation {
    /// A part of a user message; texts and addresses are the contents of string tokens.
    enum Part {
        case text(ArraySlice<UInt8>)
        case image(url: ArraySlice<UInt8>)
        case imageData(mediaType: ArraySlice<UInt8>, base64: ArraySlice<UInt8>)
    }

    var output: MessageBytes
    var dropped: DroppedFields
    private var needsComma = false
    /// The user's message that the next turns may extend.
    private var userParts: [Part] = []
    private var hasUserMessage = false
    private var systemTexts: [ArraySlice<UInt8>] = []
    private var isInConversation = false
    /// Whether the latest message is one of the assistant with calls, or a result of one.
    private var awaitsResults = false

    init(output: MessageBytes, dropped: DroppedFields) {
        (self.output, self.dropped) = (output, dropped)
    }

    mutating func translate(system: JSONSlice?, messages: JSONSlice?) throws(GatewayError) {
        if let system { try readSystem(system, FieldPath("system"), "system[]") }
        for (index, message) in (messages?.elements ?? []).enumerated() {
            try translate(message, path: FieldPath(message: index))
        }
        beginConversation()
        flushUser()
    }

    private mutating func translate(_ message: JSONSlice, path: FieldPath) throws(GatewayError) {
        guard message.isObject else { throw MessagesFieldChecks.error(path.description, "an object") }
        var (role, content): (JSONSlice?, JSONSlice?)
        var others: [ArraySlice<UInt8>] = []
        message.forEachMember { key, value in
            if JSONSlice.isKey(key, "role") {
                role = value
            } else if JSONSlice.isKey(key, "content") {
                content = value
            } else {
                others.append(key)
            }
        }
        let statedRole = try MessagesFieldChecks.requiredString(role, "\(path).role")
        guard let content, !content.isNull else {
            throw MessagesFieldChecks.error(path.list, "a string or an array of content blocks")
        }
        for key in others { dropped.insert(member: key, of: "messages[]") }
        try translate(statedRole, content, path)
    }

    private mutating func translate(
        _ role: JSONSlice, _ content: JSONSlice, _ path: FieldPath
    ) throws(GatewayError) {
        if role.isString("user") {
            beginConversation()
            try translateUser(content, path)
        } else if role.isString("assistant") {
            beginConversation()
            flushUser()
            try translateAssistant(content, path)
        } else if role.isString("system") {
            try readSystem(content, path, "messages[].content[]")
        } else {
            throw MessagesFieldChecks.error("\(path).role", "\"user\", \"assistant\" or \"system\"")
        }
    }

    // MARK: System

    private mutating func readSystem(_ system: JSONSlice, _ path: FieldPath, _ shape: String) throws(GatewayError) {
        var texts: [ArraySlice<UInt8>] = []
        if let blocks = try MessagesFieldChecks.blocks(system, path) {
            for (index, element) in blocks.enumerated() {
                let block = try MessagesContentBlock(element, path: path.element(index))
                guard block.kind == .text else {
                    dropped.insert("\(shape).\(block.type)")
                    continue
                }
                texts.append(BillingHeader.removed(from: try block.requiredText()))
                recordOthers(block, shape)
            }
        } else {
            texts.append(BillingHeader.removed(from: system.stringContent))
        }
        texts.removeAll { $0.isEmpty }
        if isInConversation {
            guard !texts.isEmpty else { return }
            hasUserMessage = true
            userParts += texts.map { .text($0) }
        } else {
            systemTexts += texts
        }
    }

    /// Writes the system message once the first turn begins.
    private mutating func beginConversation() {
        guard !isInConversation else { return }
        isInConversation = true
        guard !systemTexts.isEmpty else { return }
        beginMessage("system")
        output.write(joining: systemTexts, separator: "\\n\\n")
        output.write("}")
    }

    // MARK: User

    private mutating func translateUser(_ content: JSONSlice, _ path: FieldPath) throws(GatewayError) {
        guard let blocks = try MessagesFieldChecks.blocks(content, path) else {
            hasUserMessage = true
            userParts.append(.text(content.stringContent))
            return
        }
        var parts: [Part] = []
        var images: [Part] = []
        var resultCount = 0
        for (index, element) in blocks.enumerated() {
            let block = try MessagesContentBlock(element, path: path.element(index))
            if block.kind == .toolResult {
                // The results precede everything else that was sent since: engines require them right after the calls.
                if resultCount == 0, !awaitsResults { flushUser() }
                resultCount += 1
                images += try writeResult(block)
            } else {
                try appendParts(of: block, to: &parts, shape: "messages[].content[]")
            }
        }
        userParts += images + parts
        if !parts.isEmpty || !images.isEmpty || resultCount == 0 { hasUserMessage = true }
    }

    /// Appends the parts of a text, image, document or search result; none for other blocks.
    mutating func appendParts(
        of block: MessagesContentBlock, to parts: inout [Part], shape: String
    ) throws(GatewayError) {
        switch block.kind {
        case .text:
            recordOthers(block, shape)
            parts.append(.text(try block.requiredText()))
        case .image:
            recordOthers(block, shape)
            parts.append(try image(block, shape))
        case .document: parts += try self.parts(ofDocument: block, shape: shape)
        case .searchResult: parts += try self.parts(ofSearchResult: block, shape: shape)
        default: dropped.insert("\(shape).\(block.type)")
        }
    }

    private mutating func image(_ block: MessagesContentBlock, _ shape: String) throws(GatewayError) -> Part {
        guard let source = block.source, source.isObject else {
            throw MessagesFieldChecks.error("\(block.path).source", "an object")
        }
        let path = "\(block.path).source"
        let type = try MessagesFieldChecks.requiredString(source["type"], "\(path).type")
        if type.isString("base64") {
            let mediaType = try MessagesFieldChecks.requiredString(source["media_type"], "\(path).media_type")
            let data = try MessagesFieldChecks.requiredString(source["data"], "\(path).data")
            return .imageData(mediaType: mediaType.stringContent, base64: data.stringContent)
        }
        if type.isString("url") {
            return .image(url: try MessagesFieldChecks.requiredString(source["url"], "\(path).url").stringContent)
        }
        dropped.insert("\(shape).image.\(type.string ?? "")")
        return Self.omitted("image")
    }

    /// Writes a result as a `tool` message.
    /// - Returns: the images of the result, which only a user message can carry.
    private mutating func writeResult(_ block: MessagesContentBlock) throws(GatewayError) -> [Part] {
        let id = try MessagesFieldChecks.requiredString(block.toolUseID, "\(block.path).tool_use_id")
        let isError = try MessagesFieldChecks.boolean(block.isError, "\(block.path).is_error")?.isTrue ?? false
        recordOthers(block, "messages[].content[]")
        var texts: [ArraySlice<UInt8>] = []
        var images: [Part] = []
        if let content = block.content, !content.isNull {
            let path = FieldPath("\(block.path).content")
            if let blocks = try MessagesFieldChecks.blocks(content, path) {
                for (index, element) in blocks.enumerated() {
                    let inner = try MessagesContentBlock(element, path: path.element(index))
                    var parts: [Part] = []
                    try appendParts(of: inner, to: &parts, shape: "messages[].content[].content[]")
                    // A result of which the model sees nothing would state that the tool returned nothing.
                    if parts.isEmpty { parts = [Self.omitted(inner.type)] }
                    for part in parts {
                        if case .text(let text) = part { texts.append(text) } else { images.append(part) }
                    }
                }
            } else {
                texts.append(content.stringContent)
            }
        }
        if texts.isEmpty, !images.isEmpty { texts.append(Array("[image]".utf8)[...]) }
        // Chat completions have no flag for it, and the model has to know.
        if isError, !Self.statesError(texts.first ?? []) { texts.insert(Array("Error:".utf8)[...], at: 0) }
        beginMessage("tool", awaitsResults: awaitsResults)
        output.write(joining: texts, separator: "\\n")
        output.write(",\"tool_call_id\":")
        output.write(id.bytes)
        output.write("}")
        return images
    }

    private static func statesError(_ text: ArraySlice<UInt8>) -> Bool {
        let start = String(decoding: text.prefix(16), as: UTF8.self).lowercased()
        return ["error", "<error", "<tool_use_error"].contains { start.hasPrefix($0) }
    }

    private mutating func flushUser() {
        guard hasUserMessage else { return }
        hasUserMessage = false
        defer { userParts = [] }
        var texts: [ArraySlice<UInt8>] = []
        for case .text(let text) in userParts { texts.append(text) }
        beginMessage("user")
        if texts.count == userParts.count {
            // Chat templates for text models accept only a string.
            output.write(joining: texts.count > 1 ? texts.filter { !$0.isEmpty } : texts, separator: "\\n\\n")
        } else {
            output.write("[")
            for (index, part) in userParts.enumerated() {
                if index > 0 { output.write(",") }
                write(part)
            }
            output.write("]")
        }
        output.write("}")
    }

    private mutating func write(_ part: Part) {
        switch part {
        case .text(let text):
            output.write("{\"type\":\"text\",\"text\":\"")
            output.write(text)
            output.write("\"}")
        case .image(let url):
            output.write("{\"type\":\"image_url\",\"image_url\":{\"url\":\"")
            output.write(url)
            output.write("\"}}")
        case .imageData(let mediaType, let base64):
            output.write("{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:")
            output.write(mediaType)
            output.write(";base64,")
            output.write(base64)
            output.write("\"}}")
        }
    }

    // MARK: Helpers

    /// Writes the beginning of a message up to its content.
    /// - Parameter awaitsResults: whether results of calls belong right after the message.
    mutating func beginMessage(_ role: StaticString, awaitsResults: Bool = false) {
        self.awaitsResults = awaitsResults
        if needsComma { output.write(",") }
        needsComma = true
        output.write("{\"role\":\"")
        output.write(role)
        output.write("\",\"content\":")
    }

    mutating func recordOthers(_ block: MessagesContentBlock, _ shape: String) {
        for key in block.otherMembers where !JSONSlice.isKey(key, "signature") {
            dropped.insert(member: key, of: shape)
        }
    }
}
