import TestSupport

/// The behaviour of an engine in one exchange, composed from a seed: every known deviation of engines, as values.
/// `ChaosScript+Bytes.swift` has the bytes, `ChaosReference` the response that a caller must get.
struct ChaosScript: Sendable {
    /// A finish reason as engines write it before the end, and at the end.
    enum Reason: String, CaseIterable, Sendable {
        case missing = "", null = "null", empty = "\"\"", word = "\"null\"", stop = "\"stop\"", length = "\"length\""

        var isReal: Bool { self == .stop || self == .length }
    }

    enum ErrorShape: CaseIterable, Sendable {
        case openAI, short, string, object, detail, list, message, text, page
    }

    enum Item: Sendable {
        case piece(String, Reason)
        case finish(Reason)
        /// `more`: the usage includes timings.
        case usage(more: Bool)
        case done
        case comment
        case notANumber
        case error(ErrorShape, words: String)
    }

    enum Ending: CaseIterable, Sendable {
        /// The body ends as its framing states.
        case clean
        /// The connection closes before the end.
        case cut
        /// No more bytes arrive, and the connection stays open.
        case open
    }

    enum Framing: CaseIterable, Sendable { case chunked, chunkPerByte, length, untilClosed }
    enum LineEnd: String, CaseIterable, Sendable { case lf = "\n", crlf = "\r\n" }

    enum Body: Sendable {
        case stream([Item])
        case result(String)
        /// A status and the engine's text; 200 for an error without a status of its own.
        case error(Int, ErrorShape, words: String)
    }

    let seed: UInt64
    var streams = true
    /// The response head and comments were sent before the engine responded.
    var isLate = false
    var wantsUsage = false
    var body: Body = .result("")
    var ending = Ending.clean
    var framing = Framing.chunked
    var lineEnd = LineEnd.lf
    /// Nil for none.
    var mediaType: String?
    var hasMark = false
    /// The model name that the engine reports.
    var model = "m"
    /// Interim responses before the real one.
    var interim = 0

    /// - Parameter isAlone: whether to use only behaviour that leaves the next exchange with the same engine
    ///   unaffected.
    init(seed: UInt64, isAlone: Bool = false) {
        self.seed = seed
        var random = SeededGenerator(seed: seed)
        func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &random) == 0 }
        func pick<Value>(_ values: [Value], or other: Value) -> Value { values.randomElement(using: &random) ?? other }

        streams = !chance(4)
        isLate = streams && !isAlone && chance(5)
        wantsUsage = chance(4)
        framing = pick(Framing.allCases, or: .chunked)
        lineEnd = pick(LineEnd.allCases, or: .lf)
        hasMark = chance(12)
        model = pick(["m", "m", "local/q4", "m:latest"], or: "m")
        interim = chance(10) ? 1 : 0
        let words = "words \(seed)"
        let shape = pick(ErrorShape.allCases, or: .openAI)
        if chance(4) {
            let lasting = [404, 405, 501, 503]
            let statuses = [200, 400, 404, 405, 408, 413, 418, 422, 429, 500, 501, 502, 503, 504, 401, 403, 302, 520]
            let status = pick(statuses.filter { !isAlone || !lasting.contains($0) && $0 < 502 }, or: 400)
            // A 200 with a text body is not an error object; that is a separate case.
            let isText = shape == .text || shape == .page || shape == .detail || shape == .list || shape == .message
            body = .error(status, status == 200 && isText ? .openAI : shape, words: words)
            mediaType = pick(["application/json", "text/plain", nil], or: nil)
        } else if !streams {
            body = .result("text \(seed)")
            mediaType = pick(["application/json", "text/plain", "application/octet-stream", nil], or: nil)
        } else {
            mediaType = pick(
                ["text/event-stream", "text/event-stream; charset=utf-8", "application/json", "text/plain", nil],
                or: nil)
            body = .stream(Self.items(words: words, &random))
        }
        ending = pick(Ending.allCases, or: .clean)
        if framing == .length || framing == .untilClosed, ending == .open { ending = .clean }
        if !ChaosReference.endsBySelf(self) { ending = chance(2) ? .clean : .cut }
    }

    private static func items(words: String, _ random: inout SeededGenerator) -> [Item] {
        func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &random) == 0 }
        let unreal = Reason.allCases.filter { !$0.isReal }
        var items: [Item] = chance(6) ? [.comment] : []
        for number in 0..<Int.random(in: 0...6, using: &random) {
            items.append(.piece("p\(number)", unreal.randomElement(using: &random) ?? .null))
            if chance(8) { items.append(.comment) }
            if chance(10) { items.append(.notANumber) }
        }
        if chance(7) {
            let shapes: [ErrorShape] = [.openAI, .short, .string, .object]
            items.append(.error(shapes.randomElement(using: &random) ?? .openAI, words: words))
        }
        if !chance(4) { items.append(chance(3) ? .piece("end", .stop) : .finish(chance(2) ? .stop : .length)) }
        if chance(2) { items.append(.usage(more: chance(3))) }
        if !chance(3) { items.append(.done) }
        if chance(6) { items.append(.piece("late", .null)) }
        // An event stream starts with an event or a comment.
        return items.isEmpty ? [.comment] : items
    }
}
