/// The meaning of a request's `model` field.
public enum ModelRequest: Hashable, Sendable, CustomStringConvertible {
    case byClass(ClassName)
    case exactly(ModelID)

    /// - Parameter field: the field's value; nil or empty requests `defaultClass`.
    public init(field: String?, defaultClass: ClassName) {
        guard let field, !field.isEmpty else {
            self = .byClass(defaultClass)
            return
        }
        // Compares bytes: with a combining mark after it, the colon is part of another `Character`.
        let prefix = "class:".utf8
        self =
            field.utf8.starts(with: prefix)
            ? .byClass(ClassName(String(Substring(field.utf8.dropFirst(prefix.count))))) : .exactly(ModelID(field))
    }

    /// The field's value as a caller would write it.
    public var description: String {
        switch self {
        case .byClass(let name): "class:\(name)"
        case .exactly(let model): model.rawValue
        }
    }
}

/// One inference request, parsed but not yet authorized.
public struct Call: Hashable, Sendable {
    public let id: CallID
    public let endpoint: Endpoint
    /// What the caller requested, or the target of its alias.
    public private(set) var request: ModelRequest
    /// The alias that the caller requested; nil for a class or a model id.
    public private(set) var alias: AliasResolution?
    /// Whether the response is an event stream.
    public let streams: Bool
    /// Whether the caller itself requested the usage chunk.
    public let wantsUsage: Bool
    /// The id of the response that this call continues (`/v1/responses`); only the runner that created it can continue
    /// it.
    public let previousResponse: String?
    /// Maximum number of completion tokens; nil if the caller sets none.
    public let maxTokens: Int?
    /// Number of choices in the response: `n` times the number of prompts.
    public let expectedChoices: Int
    /// The end user as the caller names it (`user`).
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

    func with(alias: AliasResolution) -> Call {
        var call = self
        call.request = alias.target
        call.alias = alias
        return call
    }
}
