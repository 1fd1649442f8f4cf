/// A public name for a class or a model: one entry of the settings' `models.aliases`.
public struct ModelAlias: Hashable, Sendable {
    public let pattern: WildcardName
    /// A class, a model id, or the name of another alias without wildcards.
    public let target: ModelRequest
    /// Whether the names without wildcards appear in the model lists of callers that may request the target.
    public let isListed: Bool
    /// Whether responses contain the name that the caller requested, and not the id of the model that served.
    public let keepsName: Bool
    /// The name for people in model lists; empty: the alias itself.
    public let displayName: String

    public init(
        _ pattern: WildcardName, target: ModelRequest, isListed: Bool = false, keepsName: Bool = false,
        displayName: String = ""
    ) {
        self.pattern = pattern
        self.target = target
        self.isListed = isListed
        self.keepsName = keepsName
        self.displayName = displayName
    }
}

/// All aliases of this gateway. The rights, limits and metrics of a call are those of the target.
public struct ModelAliases: Hashable, Sendable {
    /// In the order of the settings.
    public let aliases: [ModelAlias]
    private let exact: [ExactString: Int]
    /// Indices of aliases with wildcards, the most specific first.
    private let patterns: [Int]

    public init(_ aliases: [ModelAlias] = []) {
        self.aliases = aliases
        let indices = aliases.indices
        exact = Dictionary(
            indices.filter { !aliases[$0].pattern.hasWildcards }.map { (ExactString(aliases[$0].pattern.text), $0) },
            uniquingKeysWith: { first, _ in first })
        patterns = indices.filter { aliases[$0].pattern.hasWildcards }.sorted {
            let (left, right) = (aliases[$0].pattern, aliases[$1].pattern)
            return left.literalLength == right.literalLength ? $0 < $1 : left.isMoreSpecific(than: right)
        }
    }

    public var isEmpty: Bool { aliases.isEmpty }

    /// The most specific alias that matches the name: the name itself, otherwise the one with the longest literal part.
    public func alias(for name: String) -> ModelAlias? {
        if let index = exact[ExactString(name)] { return aliases[index] }
        return patterns.first { aliases[$0].pattern.matches(name) }.map { aliases[$0] }
    }

    /// The alias without wildcards of this name.
    public func alias(named name: String) -> ModelAlias? { exact[ExactString(name)].map { aliases[$0] } }

    /// What a request stands for; nil if no alias applies. An alias never replaces the id of an existing model.
    /// - Parameter isModel: whether a model of this id exists; called only for ids that match an alias.
    public func resolve(_ request: ModelRequest, isModel: (ModelID) -> Bool) -> AliasResolution? {
        guard !aliases.isEmpty, case .exactly(let model) = request, let alias = alias(for: model.rawValue),
            !isModel(model)
        else { return nil }
        var target = alias.target
        // Valid settings have no cycles; the bound protects against others.
        for _ in aliases {
            guard case .exactly(let id) = target, let next = self.alias(named: id.rawValue), !isModel(id) else { break }
            target = next.target
        }
        return AliasResolution(name: model.rawValue, alias: alias, target: target)
    }
}

/// The alias that applies to a request, and what the request stands for.
public struct AliasResolution: Hashable, Sendable {
    /// The name that the caller requested.
    public let name: String
    public let alias: ModelAlias
    /// The class or the model id, after all aliases.
    public let target: ModelRequest

    /// For `POST /v1/route`.
    public var json: String {
        "{\"name\":\(JSONString.encode(name)),\"pattern\":\(JSONString.encode(alias.pattern.text)),"
            + "\"target\":\(JSONString.encode(target.description)),\"keep_name\":\(alias.keepsName)}"
    }
}

extension Call {
    /// The same call with the target of its alias as its request.
    /// - Parameter isModel: whether a model of this id exists.
    public func resolved(by aliases: ModelAliases, isModel: (ModelID) -> Bool) -> Call {
        guard let resolution = aliases.resolve(request, isModel: isModel) else { return self }
        return with(alias: resolution)
    }

    /// The id that responses state for a model: the caller's own name if its alias keeps it.
    public func publicID(of model: ModelID) -> ModelID {
        guard let alias, alias.alias.keepsName else { return model }
        return ModelID(alias.name)
    }
}
