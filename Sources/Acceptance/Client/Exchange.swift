import Foundation

/// A request and its response, with the time of each observable step.
struct Exchange: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// How the response body ended.
    enum Ending: Sendable, Equatable {
        /// Complete, according to HTTP framing.
        case clean
        /// The connection closed or failed within the body.
        case broken(String)
        /// The body exceeded the client's limit; the remainder was not read.
        case tooLong
    }

    /// One read from the socket: its time, and the length of the body so far.
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

    /// The first value of a header field; names are case-insensitive.
    func header(_ name: String) -> String? {
        headers.first { $0.name.caseInsensitiveEquals(name) }?.value
    }

    var contentType: String { (header("content-type") ?? "").lowercased() }
    var isEventStream: Bool { contentType.hasPrefix("text/event-stream") }
    var isHTML: Bool { contentType.hasPrefix("text/html") || bodyText.prefix(200).lowercased().contains("<html") }
    var bodyText: String { String(decoding: body, as: UTF8.self) }

    /// The body as JSON, or nil if it is not JSON.
    var json: JSONValue? { JSONValue(parsing: body) }

    /// Longest time without a byte, between the last byte of the request and the end of the response.
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
