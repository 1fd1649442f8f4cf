package import NIOCore
package import SimpleAICore

/// A call's body: validated while it arrives, interpreted when it is complete, and forwarded byte for byte except for
/// the values that the gateway replaces.
package struct CallBody {
    /// Fields that limit the completion tokens, in order of precedence.
    private static let tokenLimitKeys = ["max_completion_tokens", "max_output_tokens", "max_tokens"]
    /// In bytes. Model ids occur in responses and log lines, so they must be far shorter than a body.
    private static let maxModelLength = 512
    /// In bytes, for other ids and names in a body.
    private static let maxNameLength = 512
    /// In bytes, for the beginning of a conversation; enough for most system prompts and a first question.
    private static let maxPrefixLength = 64 << 10

    private static let unusedScanner = JSONScanner(watching: RequestKeys.body)

    private var scanner = Self.unusedScanner
    package private(set) var bytes = ByteBuffer()

    package init() {}

    /// Releases the memory of a body that nothing reads any more.
    package mutating func release() {
        scanner = Self.unusedScanner
        bytes = ByteBuffer()
    }

    /// - Throws: `invalidJSON` or `invalidRequest`, as soon as no continuation could make the body valid.
    package mutating func append(_ piece: ByteBuffer) throws(GatewayError) {
        var piece = piece
        let outcome: Result<Void, JSONError> = piece.withUnsafeReadableBytes { bytes in
            do throws(JSONError) {
                return .success(try scanner.scan(bytes))
            } catch {
                return .failure(error)
            }
        }
        if case .failure(let error) = outcome { throw GatewayError(body: error) }
        if bytes.readableBytes == 0 { bytes = piece } else { bytes.writeBuffer(&piece) }
    }

    /// The call that the complete body describes.
    /// - Parameters:
    ///   - pathModel: the model that the path names, which applies if the body names none.
    ///   - needsInput: false for a request about a call, which need not have the call's input.
    /// - Throws: `invalidJSON`, or `invalidRequest` if the document is not a request of this endpoint.
    package mutating func finish(
        endpoint: Endpoint, id: CallID, defaultClass: ClassName, pathModel: String? = nil, needsInput: Bool = true
    ) throws(GatewayError) -> Call {
        try requireObject()
        if needsInput { try checkInput(of: endpoint) }
        let streams = try boolean("stream", default: endpoint.streamsByDefault) && endpoint.readsStreams
        let model = try modelField()
        return Call(
            id: id, endpoint: endpoint,
            request: ModelRequest(field: model?.isEmpty ?? true ? pathModel : model, defaultClass: defaultClass),
            streams: streams, wantsUsage: try usageIsWanted(),
            previousResponse: endpoint == .responses ? try previousResponse() : nil, maxTokens: maxTokens, user: user,
            expectedChoices: streams ? expectedChoices(endpoint) : 1)
    }

    private mutating func requireObject() throws(GatewayError) {
        do throws(JSONError) {
            try scanner.finish()
        } catch {
            throw GatewayError(body: error)
        }
        guard scanner.isObject else {
            throw GatewayError(.invalidRequest, "The request body must be a JSON object.")
        }
    }

    /// The endpoint of the call that a request is about: its member `endpoint`, a path or a name of the settings; nil
    /// without one.
    /// - Throws: `invalidJSON`, or `invalidRequest` for another value.
    package mutating func statedEndpoint() throws(GatewayError) -> Endpoint? {
        try requireObject()
        guard let member = scanner.member("endpoint"), member.kind != .null else { return nil }
        guard member.kind == .string, member.range.count <= Self.maxNameLength,
            let endpoint = Endpoint(written: JSONString.decode(view(member.range)))
        else {
            throw GatewayError(
                .invalidRequest,
                "The field \"endpoint\" must be one of \(Endpoint.names.joined(separator: ", ")).", param: "endpoint")
        }
        return endpoint
    }

    private func checkInput(of endpoint: Endpoint) throws(GatewayError) {
        if let required = endpoint.requiredField, !hasValue(required), !hasAlternative(of: endpoint) {
            let others = endpoint.alternativeFields.map { "\"\($0)\"" }.joined(separator: ", ")
            throw GatewayError(
                .invalidRequest,
                "The field \"\(required)\" is missing\(others.isEmpty ? "" : ", and so are its alternatives: \(others)").",
                param: required)
        }
        guard endpoint.inputField == "messages", let input = scanner.member("messages"), input.kind != .null else {
            return
        }
        if input.kind != .array {
            throw GatewayError(.invalidRequest, "The field \"messages\" must be an array.", param: "messages")
        }
    }

    private func hasAlternative(of endpoint: Endpoint) -> Bool {
        // Not a closure, which would copy the body's scanner.
        for field in endpoint.alternativeFields where hasValue(field) { return true }
        return false
    }

    private func hasValue(_ key: String) -> Bool { scanner.member(key).map { $0.kind != .null } ?? false }

    /// The fingerprint of the conversation's beginning, which its later calls share: the messages up to the first user
    /// message, or the start of the prompt. Nil if there is neither.
    package func conversation(of endpoint: Endpoint) -> PrefixFingerprint? {
        guard let field = endpoint.inputField, let member = scanner.member(field) else { return nil }
        let range =
            member.range.lowerBound..<min(member.range.upperBound, member.range.lowerBound + Self.maxPrefixLength)
        guard member.kind == .array else { return PrefixFingerprint(view(range)) }
        guard let messages = JSONSlice(document: ArraySlice(view(member.range)))?.elements else { return nil }
        let first = messages.firstIndex { $0["role"]?.string == "user" } ?? 0
        guard first < messages.count else { return nil }
        let prefix = messages[...first].lazy.flatMap(\.bytes)
        return PrefixFingerprint(prefix.prefix(Self.maxPrefixLength))
    }

    /// The body to send to the engine.
    /// - Parameters:
    ///   - model: the engine's own id of the chosen model.
    ///   - addingUsage: whether to set `stream_options.include_usage`.
    ///   - removingUsage: whether to remove `stream_options`, which a translation of the gateway has written.
    ///   - removed: bytes to leave out, as offsets from the body's start. The rest must be a valid body.
    package func forwarded(
        model: String, addingUsage: Bool, removingUsage: Bool = false, leavingOut removed: Range<Int>? = nil
    ) -> ByteBuffer {
        var edits: [(range: Range<Int>, text: String)] = []
        let name = JSONString.encode(model)
        let firstMember =
            bytes.readableBytesView.firstIndex(of: UInt8(ascii: "{")).map {
                $0 - bytes.readerIndex + 1
            } ?? 0
        if let member = scanner.member("model") {
            edits.append((member.range, name))
        } else {
            edits.append((firstMember..<firstMember, "\"model\":\(name),"))
        }
        if addingUsage { edits.append(usageEdit(firstMember: firstMember)) }
        if removingUsage, let edit = usageRemoval { edits.append(edit) }
        if let removed { edits.append((removed, "")) }
        edits.sort { $0.range.lowerBound < $1.range.lowerBound }

        var result = ByteBuffer()
        result.reserveCapacity(bytes.readableBytes + 64)
        var position = 0
        for edit in edits {
            result.writeBytes(view(position..<edit.range.lowerBound))
            result.writeString(edit.text)
            position = edit.range.upperBound
        }
        result.writeBytes(view(position..<bytes.readableBytes))
        return result
    }

    private func usageEdit(firstMember: Int) -> (range: Range<Int>, text: String) {
        guard let options = scanner.member("stream_options") else {
            return (firstMember..<firstMember, "\"stream_options\":{\"include_usage\":true},")
        }
        guard options.kind == .object, let slice = JSONSlice(document: ArraySlice(view(options.range))) else {
            return (options.range, "{\"include_usage\":true}")
        }
        if let old = slice["include_usage"] {
            let start = options.range.lowerBound + (old.bytes.startIndex - slice.bytes.startIndex)
            return (start..<start + old.bytes.count, "true")
        }
        let start = options.range.lowerBound + 1
        let isEmpty = !slice.bytes.dropFirst().dropLast().contains { $0 > 0x20 }
        return (start..<start, "\"include_usage\":true" + (isEmpty ? "" : ","))
    }

    /// Nil if the member does not follow another one without white space, as translations write it.
    private var usageRemoval: (range: Range<Int>, text: String)? {
        guard let options = scanner.member("stream_options") else { return nil }
        let key = ",\"stream_options\":"
        let start = options.range.lowerBound - key.utf8.count
        guard start > 0, view(start..<options.range.lowerBound).elementsEqual(key.utf8) else { return nil }
        return (start..<options.range.upperBound, "")
    }

    private func view(_ range: Range<Int>) -> ByteBufferView {
        let start = bytes.readerIndex
        return bytes.readableBytesView[start + range.lowerBound..<start + range.upperBound]
    }

    private func modelField() throws(GatewayError) -> String? {
        guard let member = scanner.member("model"), member.kind != .null else { return nil }
        guard member.kind == .string else {
            throw GatewayError(.invalidRequest, "The field \"model\" must be a string.", param: "model")
        }
        guard member.range.count <= Self.maxModelLength + 2 else {
            throw GatewayError(
                .invalidRequest, "The field \"model\" is longer than \(Self.maxModelLength) bytes.", param: "model")
        }
        let text = view(member.range).dropFirst().dropLast()
        // Few names contain escapes.
        return text.contains(UInt8(ascii: "\\"))
            ? JSONString.decode(view(member.range)) : String(decoding: text, as: UTF8.self)
    }

    private func previousResponse() throws(GatewayError) -> String? {
        guard let member = scanner.member("previous_response_id"), member.kind != .null else { return nil }
        guard member.kind == .string, member.range.count <= Self.maxNameLength + 2 else {
            throw GatewayError(
                .invalidRequest, "The field \"previous_response_id\" must be a response id.",
                param: "previous_response_id")
        }
        return JSONString.decode(view(member.range))
    }

    /// Values that are not numbers are left for the engine to refuse.
    private var maxTokens: Int? {
        for key in Self.tokenLimitKeys {
            guard let member = scanner.member(key), member.kind == .number else { continue }
            return Int(String(decoding: view(member.range), as: UTF8.self))
        }
        return nil
    }

    /// Number of choices that a stream will have; invalid values are left for the engine to refuse.
    private func expectedChoices(_ endpoint: Endpoint) -> Int {
        var number = 1
        if let member = scanner.member("n"), member.kind == .number {
            number = Int(String(decoding: view(member.range), as: UTF8.self)) ?? 1
        }
        guard endpoint == .completions else { return max(1, number) }
        let count = max(1, promptCount("prompt") + promptCount("prompt_embeds"))
        return max(1, number.multipliedReportingOverflow(by: count).partialValue)
    }

    /// Number of prompts in a field: a list of numbers is one, in tokens.
    private func promptCount(_ key: String) -> Int {
        guard let member = scanner.member(key), member.kind != .null else { return 0 }
        guard member.kind == .array else { return 1 }
        let prompts = JSONSlice(checked: ArraySlice(view(member.range))).elements
        guard let first = prompts.first else { return 0 }
        return first.string != nil || first.bytes.first == UInt8(ascii: "[") ? prompts.count : 1
    }

    private var user: String? {
        guard let member = scanner.member("user"), member.kind == .string, member.range.count <= Self.maxNameLength + 2
        else { return nil }
        return JSONString.decode(view(member.range))
    }

    private func boolean(_ key: String, default absent: Bool) throws(GatewayError) -> Bool {
        switch scanner.member(key)?.kind {
        case nil, .null: return absent
        case .boolean(let value): return value
        default: throw GatewayError(.invalidRequest, "The field \"\(key)\" must be true or false.", param: key)
        }
    }

    private func usageIsWanted() throws(GatewayError) -> Bool {
        guard let member = scanner.member("stream_options"), member.kind != .null else { return false }
        guard member.kind == .object else {
            throw GatewayError(
                .invalidRequest, "The field \"stream_options\" must be an object.", param: "stream_options")
        }
        var options = JSONScanner(watching: RequestKeys.streamOptions)
        do throws(JSONError) {
            try options.scan(ArraySlice(view(member.range)))
        } catch {
            throw GatewayError(body: error, in: "stream_options")
        }
        return options.member("include_usage")?.kind == .boolean(true)
    }
}
