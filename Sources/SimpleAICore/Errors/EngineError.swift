/// An engine's error, parsed from a body or an event of any known shape: `{"error":{"message"}}`, `{"error":"…"}`,
/// `{"object":"error","message"}`, `{"detail":…}` (a string, or FastAPI's list of invalid fields), `{"message"}`, a
/// list of errors, an event stream, plain text, or an HTML page.
public struct EngineError: Hashable, Sendable {
    /// The message, sanitized and bounded; nil if there is none.
    public private(set) var message: String?
    public private(set) var type: String?
    public private(set) var param: String?
    public private(set) var code: String?
    /// The status that the body itself states, from 400 to 599.
    public private(set) var status: Int?
    /// Whether the body is a complete OpenAI error object, with all four keys, which is forwarded unchanged.
    public private(set) var isComplete = false

    /// Whether the body is an HTML page, which a proxy in front of the engine produces.
    public private(set) var isPage = false

    /// In bytes; longer bodies are not parsed.
    private static let maxExamined = 1 << 20
    /// Maximum number of reported errors of a list.
    private static let maxListed = 16
    private static let maxDepth = 5

    public init() {}

    /// - Parameter body: a complete body, or the payload of an event.
    public init(_ body: ArraySlice<UInt8>) {
        let hasMark = body.starts(with: JSONGrammar.byteOrderMark)
        let body = (hasMark ? body.dropFirst(3) : body).drop { $0 <= 0x20 }
        if let json = JSONSlice(document: body, grammar: .lenient) {
            read(document: json)
            return
        }
        let text = String(decoding: body.prefix(Self.maxExamined), as: UTF8.self)
        if let payload = Self.eventPayload(of: text) {
            self = EngineError(ArraySlice(payload.utf8))
        } else {
            isPage = text.hasPrefix("<")
            message = EngineText.clean(isPage ? EngineText.plain(html: text) : text)
        }
    }

    /// Reads a JSON value that is already parsed.
    public init(_ json: JSONSlice) { read(document: json) }

    /// Whether an object states an error: a non-empty `error`, or `"object": "error"`.
    public static func isStated(error: JSONSlice?, object: JSONSlice?) -> Bool {
        if let error, !error.isEmpty, !["false", "0"].contains(where: { error.bytes.elementsEqual($0.utf8) }) {
            return true
        }
        return object?.string == "error"
    }

    /// Whether a field of the error contains the lowercase `shortText`, ignoring case.
    public func mentions(_ word: String) -> Bool {
        [message, param, code, type].contains { $0?.lowercased().contains(word) ?? false }
    }

    // MARK: Reading

    private mutating func read(document json: JSONSlice) {
        guard json.bytes.count <= Self.maxExamined else { return }
        message = text(of: json, depth: 0).flatMap(EngineText.clean)
        if let error = json["error"], error.isObject, error["message"]?.string?.isEmpty == false {
            isComplete = ["type", "param", "code"].allSatisfy { error[$0] != nil }
        }
    }

    private static let details = ["message", "msg", "detail", "details", "errors", "error_message", "error_msg"]
    private static let fallbacks = ["reason", "description", "title"]

    /// The message in a value; also records its type, parameter and code.
    private mutating func text(of json: JSONSlice, depth: Int) -> String? {
        guard depth <= Self.maxDepth else { return nil }
        if let string = json.string { return string.isEmpty ? nil : string }
        guard json.isObject else {
            let listed = json.elements.prefix(Self.maxListed).compactMap { text(of: $0, depth: depth + 1) }
            return listed.isEmpty ? nil : listed.joined(separator: "; ")
        }
        recordFields(of: json)
        if let location = json["loc"], let problem = json["msg"]?.string {
            return invalidField(location.elements, problem)
        }
        let error = json["error"].flatMap { text(of: $0, depth: depth + 1) }
        let detail = first(of: Self.details, in: json, depth)
        switch (error, detail) {
        // Some frameworks put the status text into `error` and the reason into another member.
        case (let error?, let detail?): return error == detail ? error : "\(error): \(detail)"
        default: return error ?? detail ?? first(of: Self.fallbacks, in: json, depth)
        }
    }

    private mutating func first(of keys: [String], in json: JSONSlice, _ depth: Int) -> String? {
        for key in keys {
            if let value = json[key], let text = text(of: value, depth: depth + 1) { return text }
        }
        return nil
    }

    /// The inner object is more specific than the outer one, so it is read first, and the first value recorded is kept.
    private mutating func recordFields(of json: JSONSlice) {
        let inner = json["error"].flatMap { $0.isObject ? $0 : nil }
        for object in [inner, json].compactMap({ $0 }) {
            type = type ?? Self.shortText(object["type"]) ?? Self.shortText(object["error_type"])
            param = param ?? Self.shortText(object["param"])
            for key in ["code", "status", "status_code", "statusCode"] {
                guard let value = object[key] else { continue }
                if let number = value.integer, 400...599 ~= number { status = status ?? number }
                if key == "code" { code = code ?? Self.shortText(value) ?? value.integer.map(String.init) }
            }
        }
    }

    private mutating func invalidField(_ location: [JSONSlice], _ problem: String) -> String {
        let path = location.compactMap { $0.string ?? $0.integer.map(String.init) }
        if path.first == "body", path.count > 1 { param = param ?? EngineText.clean(path[1]) }
        return path.isEmpty ? problem : "\(path.joined(separator: ".")): \(problem)"
    }

    private static func shortText(_ json: JSONSlice?) -> String? {
        json?.string.flatMap { $0.utf8.count <= 256 ? EngineText.clean($0) : nil }
    }

    /// The content of the first line of an event stream that may contain an error: `data`, or `error` as in older
    /// llama.cpp servers.
    private static func eventPayload(of text: String) -> String? {
        guard EventStreamStart.detect(in: Array(text.utf8.prefix(64))[...]) == .eventStream else { return nil }
        for line in text.split(whereSeparator: \.isNewline) {
            for field in ["data:", "error:"] where line.hasPrefix(field) {
                return String(line.dropFirst(field.count).drop { $0 == " " })
            }
        }
        return nil
    }
}
