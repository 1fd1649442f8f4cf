/// What a request's `model` field asks for.
public enum ModelRequest: Hashable, Sendable, CustomStringConvertible {
    case byClass(ClassName)
    case exactly(ModelID)

    /// - Parameter field: the field's value; nil or empty asks for `defaultClass`.
    public init(field: String?, defaultClass: ClassName) {
        guard let field, !field.isEmpty else {
            self = .byClass(defaultClass)
            return
        }
        // Byte by byte: a combining mark after the colon would hide the prefix from a comparison of characters.
        let prefix = "class:".utf8
        self =
            field.utf8.starts(with: prefix)
            ? .byClass(ClassName(String(Substring(field.utf8.dropFirst(prefix.count))))) : .exactly(ModelID(field))
    }

    /// As a caller would write it.
    public var description: String {
        switch self {
        case .byClass(let name): "class:\(name)"
        case .exactly(let model): model.rawValue
        }
    }
}

/// One inference request, read and understood but not yet allowed.
public struct Call: Hashable, Sendable {
    public let id: CallID
    public let endpoint: Endpoint
    public let request: ModelRequest
    /// Whether the answer is a stream of events.
    public let streams: Bool
    /// Whether the caller asked for the usage chunk itself.
    public let wantsUsage: Bool
    /// The response that this one continues (`/v1/responses`): only the runner that made it knows it.
    public let previousResponse: String?
    /// The most tokens that the caller wants to be made; nil for as many as it takes.
    public let maxTokens: Int?
    /// How many choices its stream will have (`n`, and a list of prompts).
    public let expectedChoices: Int
    /// Whom the caller asks for, in its own words.
    public let user: String?

    public init(
        id: CallID, endpoint: Endpoint, request: ModelRequest, streams: Bool, wantsUsage: Bool,
        previousResponse: String? = nil, maxTokens: Int? = nil, user: String? = nil, expectedChoices: Int = 1
    ) {
        self.expectedChoices = expectedChoices
        self.id = id
        self.endpoint = endpoint
        self.request = request
        self.streams = streams
        self.wantsUsage = wantsUsage
        self.previousResponse = previousResponse
        self.maxTokens = maxTokens
        self.user = user
    }
}
