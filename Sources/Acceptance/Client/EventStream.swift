/// A server-sent event stream, parsed after it ended. Each event has the arrival time of its last byte.
///
/// Source: HTML Standard, "Interpreting an event stream".
struct EventStream: Sendable {
    struct Event: Sendable {
        let data: String
        let at: ContinuousClock.Instant
        /// The value of the field `event`; nil if there is none.
        var name: String?
    }

    private(set) var events: [Event] = []
    private(set) var comments: [Event] = []

    init(_ exchange: Exchange) {
        self.init(body: exchange.body, arrivals: exchange.arrivals, fallback: exchange.done)
    }

    init(body: [UInt8], arrivals: [Exchange.Arrival], fallback: ContinuousClock.Instant) {
        var data: [String] = []
        var name: String?
        var arrival = 0
        var offset = 0
        for line in Self.lines(of: body) {
            offset = line.end
            while arrival < arrivals.count, arrivals[arrival].length < offset { arrival += 1 }
            let at = arrival < arrivals.count ? arrivals[arrival].at : fallback
            let text = line.text
            if text.isEmpty {
                if !data.isEmpty { events.append(.init(data: data.joined(separator: "\n"), at: at, name: name)) }
                data.removeAll()
                name = nil
            } else if text.hasPrefix(":") {
                comments.append(.init(data: text.dropFirst().trimmingPrefix(" ").description, at: at))
            } else if text.hasPrefix("data:") {
                data.append(text.dropFirst(5).trimmingPrefix(" ").description)
            } else if text.hasPrefix("event:") {
                name = text.dropFirst(6).trimmingPrefix(" ").description
            } else if text == "data" {
                data.append("")
            }
        }
    }

    /// The complete lines of `body`, each with the offset of its end.
    static func lines(of body: [UInt8]) -> [(text: String, end: Int)] {
        var lines: [(text: String, end: Int)] = []
        var start = 0
        var index = 0
        while index < body.count {
            let byte = body[index]
            guard byte == 0x0A || byte == 0x0D else {
                index += 1
                continue
            }
            let text = String(decoding: body[start..<index], as: UTF8.self)
            index += byte == 0x0D && index + 1 < body.count && body[index + 1] == 0x0A ? 2 : 1
            lines.append((text, index))
            start = index
        }
        return lines
    }
}
