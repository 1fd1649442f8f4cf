import Foundation

/// A request and the answer that came, with the moment of everything that can be told apart.
struct Exchange: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// How the answer's body ended.
    enum Ending: Sendable, Equatable {
        /// As HTTP framing says it must.
        case clean
        /// The connection broke in the middle of the body.
        case broken(String)
        /// More than the client keeps; the rest was not read.
        case tooLong
    }

    /// Bytes that arrived together: the body's length after them, and when.
    struct Arrival: Sendable {
        let at: Instant
        let length: Int
    }

    let request: APIRequest
    var status = 0
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var ending = Ending.clean
    var arrivals: [Arrival] = []

    let started: Instant
    var connected: Instant?
    var secured: Instant?
    var sent: Instant?
    var head: Instant?
    var done: Instant

    init(request: APIRequest, started: Instant) {
        self.request = request
        self.started = started
        done = started
    }

    var isSuccess: Bool { (200...299).contains(status) }
    var duration: Duration { done - started }

    /// The first value of a header, its name in any case.
    func header(_ name: String) -> String? {
        headers.first { $0.name.caseInsensitiveEquals(name) }?.value
    }

    var contentType: String { (header("content-type") ?? "").lowercased() }
    var isEventStream: Bool { contentType.hasPrefix("text/event-stream") }
    var isHTML: Bool { contentType.hasPrefix("text/html") || bodyText.prefix(200).lowercased().contains("<html") }
    var bodyText: String { String(decoding: body, as: UTF8.self) }

    /// The body as JSON, or nil when it is none.
    var json: JSONValue? { JSONValue(parsing: body) }

    /// Longest time without a byte, between the request's last byte and the answer's end.
    var longestSilence: Duration {
        var previous = sent ?? started
        var longest = Duration.zero
        for moment in [head].compactMap({ $0 }) + arrivals.map(\.at) + [done] {
            longest = max(longest, moment - previous)
            previous = moment
        }
        return longest
    }
}

extension StringProtocol {
    func caseInsensitiveEquals(_ other: some StringProtocol) -> Bool {
        utf8.count == other.utf8.count && lowercased() == other.lowercased()
    }
}
