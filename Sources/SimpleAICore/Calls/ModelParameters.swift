/// Changes to the bodies of calls for a class, an alias or a model: one entry of the settings' `models.parameters`.
public struct ModelParameters: Hashable, Sendable {
    /// `class:NAME`, the name of an alias, or a model id, each with wildcards.
    public let pattern: WildcardName
    public let edits: BodyEdits

    public init(_ pattern: WildcardName, _ edits: BodyEdits) {
        self.pattern = pattern
        self.edits = edits
    }
}

/// All parameters of this gateway.
public struct ParameterTable: Hashable, Sendable {
    /// In the order of the settings.
    public let entries: [ModelParameters]

    public init(_ entries: [ModelParameters] = []) {
        self.entries = entries
    }

    /// The entries that apply to a call, the most specific first: those of the name that the caller requested through an
    /// alias, of the model, and of the class that was requested; in each group, exact names, then the longest literal
    /// part, then the order of the settings.
    /// - Parameter model: the public id of the model that serves the call.
    public func entries(for call: Call, servedBy model: ModelID) -> [ModelParameters] {
        guard !entries.isEmpty else { return [] }
        var names = [model.rawValue]
        if let alias = call.alias { names.insert(alias.name, at: 0) }
        if case .byClass = call.request { names.append(call.request.description) }
        var found: [Int] = []
        for name in names {
            let matching = entries.indices.filter { entries[$0].pattern.matches(name) && !found.contains($0) }
            found += matching.sorted {
                let (left, right) = (entries[$0].pattern, entries[$1].pattern)
                if left.isMoreSpecific(than: right) { return true }
                return !right.isMoreSpecific(than: left) && $0 < $1
            }
        }
        return found.map { entries[$0] }
    }

    /// All edits of a call's body; nil if there are none.
    public func edits(for call: Call, servedBy model: ModelID) -> BodyEdits? {
        let entries = entries(for: call, servedBy: model)
        return entries.isEmpty ? nil : BodyEdits(merging: entries.map(\.edits))
    }
}

extension BodyEdits.Path {
    /// Why no setting may change the member; nil if it may be changed.
    public var reservation: String? {
        guard let first = segments.first?.folded else { return nil }
        return Self.reserved.first { FoldedKey.bytes(of: Array($0.key.utf8)) == first }?.reason
    }

    private static let content = "it is the caller's own content"
    /// Members that the gateway or only the caller decides.
    private static let reserved: [(key: String, reason: String)] = [
        ("model", "the gateway sets it to the engine's id of the chosen model; models.aliases maps names"),
        ("stream", "only the caller knows whether it reads a stream"),
        ("stream_options", "the gateway sets it to count tokens"),
        ("n", "the gateway counts the choices of a stream by the caller's number"),
        ("previous_response_id", "the gateway chooses the runner by it"),
        ("messages", content), ("prompt", content), ("input", content), ("query", content), ("documents", content),
    ]
}
