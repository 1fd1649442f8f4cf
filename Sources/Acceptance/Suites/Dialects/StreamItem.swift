/// One element of a stream, classified by the rules of its endpoint.
struct StreamItem: Sendable {
    enum Kind: Sendable, Equatable {
        /// A comment of an event stream: clients ignore it.
        case comment(String)
        /// An element that the dialect defines for waiting.
        case keepalive
        /// A part of the generated text.
        case content
        case error(String)
        /// Any other element of the dialect, such as an opening event.
        case other
        /// Not an element of the dialect.
        case invalid(String)
    }

    let kind: Kind
    let at: ContinuousClock.Instant

    var isComment: Bool { if case .comment = kind { true } else { false } }
}

extension Endpoint {
    /// The elements of a stream, which may be unfinished.
    func items(body: [UInt8], arrivals: [Exchange.Arrival], fallback: ContinuousClock.Instant) -> [StreamItem] {
        if dialect == .ollama {
            return LineStream(body: body, arrivals: arrivals, fallback: fallback).lines.map {
                StreamItem(kind: ollamaKind($0.text, $0.json), at: $0.at)
            }
        }
        let stream = EventStream(body: body, arrivals: arrivals, fallback: fallback)
        return stream.comments.map { StreamItem(kind: .comment($0.data), at: $0.at) }
            + stream.events.map { StreamItem(kind: kind(of: $0), at: $0.at) }
    }

    /// The number of parts of generated text in a stream, which may be unfinished.
    func contentParts(in body: [UInt8]) -> Int {
        items(body: body, arrivals: [], fallback: .now).count { $0.kind == .content }
    }

    private func kind(of event: EventStream.Event) -> StreamItem.Kind {
        if event.data == "[DONE]" { return .other }
        guard let json = JSONValue(parsing: Array(event.data.utf8)) else { return .invalid(event.data) }
        let type = json["type"]?.string ?? ""
        if type == "error" || json["error"]?.object != nil { return .error(Exchange.errorText(json) ?? "no message") }
        if dialect == .anthropic {
            switch type {
            case "ping": return .keepalive
            case "content_block_delta": return .content
            case "message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop":
                return .other
            default: return .invalid(type.isEmpty ? event.data : type)
            }
        }
        guard type.hasPrefix("response.") else { return .invalid(type.isEmpty ? event.data : type) }
        return type.hasSuffix(".delta") ? .content : .other
    }

    private func ollamaKind(_ text: String, _ json: JSONValue?) -> StreamItem.Kind {
        guard let json, json.object != nil else { return .invalid(text) }
        if let error = json["error"]?.string { return .error(error) }
        guard json["done"] == .bool(false) else { return json["done"] == .bool(true) ? .other : .invalid(text) }
        guard ollamaContent(json) == 0 else { return .content }
        // Clients require the role of a message and the text of a completion, even if it is empty.
        let isComplete =
            self == .ollamaChat ? json["message"]?["role"]?.string == "assistant" : json["response"]?.string != nil
        return isComplete ? .keepalive : .invalid(text)
    }
}

/// A stream of lines that are JSON objects (NDJSON), each with the arrival time of its last byte.
struct LineStream: Sendable {
    struct Line: Sendable {
        let text: String
        let json: JSONValue?
        let at: ContinuousClock.Instant
    }

    private(set) var lines: [Line] = []

    init(_ exchange: Exchange) {
        self.init(body: exchange.body, arrivals: exchange.arrivals, fallback: exchange.done)
    }

    init(body: [UInt8], arrivals: [Exchange.Arrival], fallback: ContinuousClock.Instant) {
        var arrival = 0
        for (text, end) in EventStream.lines(of: body) {
            while arrival < arrivals.count, arrivals[arrival].length < end { arrival += 1 }
            let at = arrival < arrivals.count ? arrivals[arrival].at : fallback
            lines.append(Line(text: text, json: JSONValue(parsing: Array(text.utf8)), at: at))
        }
    }
}
