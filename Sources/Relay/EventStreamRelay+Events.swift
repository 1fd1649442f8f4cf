import NIOCore
import SimpleAICore

extension EventStreamRelay.Phase {
    /// Whether further events are processed.
    var acceptsEvents: Bool {
        switch self {
        case .open, .finishing: true
        case .complete, .failed: false
        }
    }
}

/// Handles events other than ordinary chunks.
extension EventStreamRelay {
    /// Forwards the final `[DONE]`, except in `/v1/responses`, where a terminal event ends the stream: with a `[DONE]`
    /// instead of that event, a client would take a truncated stream for a complete one.
    mutating func handleDone(_ event: ByteBuffer) -> ByteBuffer? {
        guard endpoint != .responses else { return nil }
        phase = .complete
        doneWasForwarded = true
        return forwardsChunksOnly ? nil : event
    }

    /// Forwards comments and other events without data. An error written outside the format still counts as an error.
    mutating func handleWithoutData(_ event: ByteBuffer) -> ByteBuffer? {
        guard let document = EventSplitter.documentWithoutData(of: event),
            let json = JSONSlice(document: document, grammar: .lenient), json.isObject,
            event.readableBytesView.starts(with: "error:".utf8)
                || EngineError.isStated(error: json["error"], object: json["object"])
        else { return forwardsChunksOnly ? nil : event }
        return fail(document)
    }

    /// Forwards data that is not JSON, unless the event is named an error.
    mutating func handleNonJSON(_ event: ByteBuffer, _ payload: EventSplitter.Payload) -> ByteBuffer? {
        if EventSplitter.isNamed("error", event) { return fail(payload.bytes) }
        guard forwardsChunksOnly else { return event }
        // A translation would lose it, and end the client's stream as if nothing were missing.
        return payload.bytes.allSatisfy { $0 <= 0x20 } ? nil : fail(Self.notJSON)
    }

    private static let notJSON = Array(#"{"message":"The engine sent an event that is not JSON."}"#.utf8)[...]

    mutating func fail(_ document: ArraySlice<UInt8>) -> ByteBuffer? {
        phase = .failed(EngineError(document))
        return nil
    }

    mutating func passResponsesEvent(
        _ event: ByteBuffer, _ payload: EventSplitter.Payload, _ chunk: JSONMembers
    ) -> ByteBuffer? {
        let response = chunk["response"]
        if responseID == nil { responseID = response?["id"]?.string }
        let type = chunk["type"]?.string ?? ""
        switch type {
        case "response.completed", "response.incomplete", "response.failed":
            phase = .complete
            if let found = response?["usage"], let usage = TokenUsage(found) { self.usage = usage }
        case "error": statedError = EngineError(payload.bytes)
        case "":
            guard !EngineError.isStated(error: chunk["error"], object: chunk["object"]) else {
                return fail(payload.bytes)
            }
        default: if type.hasSuffix(".delta") { pieces += 1 }
        }
        return restored(event, payload, modelValue: response?["model"])
    }

    /// Members that any chunk may have. A chunk that has only these and usage carries no content.
    private static let ordinaryMembers = [
        "id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier", "provider",
    ]

    /// An empty choice, without `finish_reason`: clients act on every `finish_reason` that they receive, for example by
    /// calling tools.
    private var emptyChoice: String {
        endpoint == .completions
            ? "[{\"index\":0,\"text\":\"\",\"finish_reason\":null}]"
            : "[{\"index\":0,\"delta\":{},\"finish_reason\":null}]"
    }

    /// Removes usage that only the gateway requested from a chunk, and restores the public model id. Nil if the chunk carries
    /// nothing else.
    ///
    /// llama.cpp sends its `timings` in this chunk; without `include_usage` it sends them with the `finish_reason`, which has
    /// already been forwarded. A caller that did not set `include_usage` does not expect a chunk without choices, and many
    /// clients read the first choice of every chunk, so an empty choice is added.
    mutating func withoutUsage(
        _ event: ByteBuffer, _ payload: EventSplitter.Payload, _ model: JSONSlice?
    ) -> ByteBuffer? {
        var members: [ArraySlice<UInt8>] = []
        var hasOtherContent = false
        var hasChoices = false
        JSONSlice(checked: payload.bytes.drop { $0 <= 0x20 }).forEachMember { key, value in
            guard !JSONSlice.isKey(key, "usage") else { return }
            if !value.isEmpty, !Self.ordinaryMembers.contains(where: { JSONSlice.isKey(key, $0) }) {
                hasOtherContent = true
            }
            let isModel = JSONSlice.isKey(key, "model") && replacement(for: model) != nil
            let isChoices = JSONSlice.isKey(key, "choices")
            if isChoices { hasChoices = true }
            let text: ArraySlice<UInt8> =
                isModel
                ? Array(JSONString.encode(self.model.rawValue).utf8)[...]
                : isChoices && value.elements.isEmpty ? Array(emptyChoice.utf8)[...] : value.bytes
            members.append(key + [UInt8(ascii: ":")] + text)
        }
        guard hasOtherContent else { return nil }
        if !hasChoices { members.append(Array("\"choices\":\(emptyChoice)".utf8)[...]) }
        var changed = ByteBuffer()
        for line in EventSplitter.otherLines(of: event, isFirst: isFirstEvent) {
            changed.writeBytes(line)
            changed.writeString("\n")
        }
        changed.writeString("data: {")
        // Between JSON tokens a line break is white space; strings contain none.
        changed.writeBytes(members.joined(separator: [UInt8(ascii: ",")]).map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 })
        changed.writeString("}\n\n")
        return changed
    }
}
