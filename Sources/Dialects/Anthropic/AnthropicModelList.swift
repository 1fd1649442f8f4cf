public import SimpleAICore

extension AnthropicMessages {
    /// A model in Anthropic's list.
    public struct Model: Hashable, Sendable {
        public let id: String
        public let displayName: String
        /// Seconds since 1970-01-01; zero if it is unknown.
        public let created: Int
        /// Tokens of prompt and completion together; nil if it is unknown.
        public let contextLength: Int?

        public init(id: String, displayName: String, created: Int, contextLength: Int? = nil) {
            self.id = id
            self.displayName = displayName
            self.created = created
            self.contextLength = contextLength
        }
    }

    /// The page of a list that a client asks for.
    public struct ModelPage: Hashable, Sendable {
        /// Number of models on a page if the request states none.
        public static let defaultLimit = 20
        /// Maximum number of models on a page.
        public static let maxLimit = 1_000

        var limit = Self.defaultLimit
        var after: String?
        var before: String?

        /// The first page.
        public init() {}

        /// - Parameter query: the request's query (`limit=1000&after_id=x`), without the question mark.
        /// - Throws: `invalidRequest` with the parameter as `param`.
        public init(query: String) throws(GatewayError) {
            for pair in query.split(separator: "&") {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let value = parts.count > 1 ? Self.decoded(parts[1]) : ""
                if String(parts[0]).isExactly("limit") {
                    guard let limit = Int(value), (1...Self.maxLimit).contains(limit) else {
                        throw GatewayError(
                            .invalidRequest, "The parameter \"limit\" must be an integer from 1 to \(Self.maxLimit).",
                            param: "limit")
                    }
                    self.limit = limit
                } else if String(parts[0]).isExactly("after_id") {
                    after = value
                } else if String(parts[0]).isExactly("before_id") {
                    before = value
                }
            }
            if after != nil, before != nil {
                throw GatewayError(
                    .invalidRequest, "The parameters \"after_id\" and \"before_id\" exclude each other.",
                    param: "before_id")
            }
        }

        /// Percent-decoding; a malformed escape stays as it is.
        private static func decoded(_ text: Substring) -> String {
            var bytes: [UInt8] = []
            var rest = Array(text.utf8)[...]
            while let byte = rest.popFirst() {
                if byte == UInt8(ascii: "%"), rest.count >= 2, let high = Byte.hexDigit(rest[rest.startIndex]),
                    let low = Byte.hexDigit(rest[rest.startIndex + 1])
                {
                    bytes.append(UInt8(high << 4 | low))
                    rest = rest.dropFirst(2)
                } else {
                    bytes.append(byte == UInt8(ascii: "+") ? 0x20 : byte)
                }
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    /// The response to `GET /v1/models`.
    ///
    /// - Parameter models: in the order of the list.
    /// - Throws: `invalidRequest` if the page begins at an id that is not in the list.
    public static func modelList(_ models: [Model], page: ModelPage) throws(GatewayError) -> [UInt8] {
        var rest = models[...]
        if let after = page.after {
            guard let index = models.firstIndex(where: { $0.id.isExactly(after) }) else {
                throw unknownModel("after_id")
            }
            rest = models[(index + 1)...]
        } else if let before = page.before {
            guard let index = models.firstIndex(where: { $0.id.isExactly(before) }) else {
                throw unknownModel("before_id")
            }
            rest = models[..<index]
        }
        let shown = page.before == nil ? rest.prefix(page.limit) : rest.suffix(page.limit)
        var output = MessageBytes()
        output.write("{\"data\":[")
        for (index, model) in shown.enumerated() {
            if index > 0 { output.write(",") }
            output.write(model: model)
        }
        output.write(
            shown.count < rest.count ? "],\"has_more\":true,\"first_id\":" : "],\"has_more\":false,\"first_id\":")
        output.write(optional: shown.first?.id)
        output.write(",\"last_id\":")
        output.write(optional: shown.last?.id)
        output.write("}")
        return output.bytes
    }

    /// The response to `GET /v1/models/{id}`.
    public static func modelDocument(_ model: Model) -> [UInt8] {
        var output = MessageBytes()
        output.write(model: model)
        return output.bytes
    }

    private static func unknownModel(_ parameter: String) -> GatewayError {
        GatewayError(
            .invalidRequest,
            "The parameter \"\(parameter)\" names no model of the list. Start again without it.", param: parameter)
    }
}

extension MessageBytes {
    fileprivate mutating func write(model: AnthropicMessages.Model) {
        write("{\"type\":\"model\",\"id\":")
        write(string: model.id)
        write(",\"display_name\":")
        write(string: model.displayName)
        write(",\"created_at\":")
        write(string: Timestamp.string(seconds: model.created))
        write(",\"lifecycle\":\"active\",\"max_input_tokens\":")
        if let length = model.contextLength { write(number: length) } else { write("null") }
        write(",\"max_tokens\":null}")
    }

    fileprivate mutating func write(optional text: String?) {
        if let text { write(string: text) } else { write("null") }
    }
}
