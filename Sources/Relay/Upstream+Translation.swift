public import SimpleAICore

/// Which calls are translated for this engine, or sent to another path, because it does not serve their endpoint.
extension Upstream {
    /// Whether a call is translated to `endpoint.translation`.
    public func translates(_ endpoint: Endpoint, of model: ModelID) -> Bool {
        guard canTranslate(endpoint, of: model) else { return false }
        return isAlwaysTranslated(endpoint) || endpoints.isUnusable(endpoint)
            || endpoints.missing(endpoint, of: [model]) != nil
    }

    /// Whether a call may be translated, and the engine is not known to lack the endpoint that it is translated to.
    public func canTranslate(_ endpoint: Endpoint, of model: ModelID) -> Bool {
        guard let target = endpoint.translation, mayTranslate(endpoint) else { return false }
        return endpoints.missing(target, of: [model]) == nil
    }

    /// Whether calls to this endpoint may be translated.
    public func mayTranslate(_ endpoint: Endpoint) -> Bool {
        endpoint.translation != nil && !(endpoint.dialect == .anthropic && messages == .native)
    }

    /// The error if none of these models can be served at this endpoint, neither natively nor by translation; nil if one
    /// can, or if that is unknown.
    func missing(_ endpoint: Endpoint, of models: [ModelID]) -> GatewayError? {
        if endpoint.hasOtherSpellings {
            let errors = endpoint.spellings.map { endpoints.missing($0, of: models) }
            return errors.contains { $0 == nil } ? nil : errors[0]
        }
        guard let target = endpoint.translation, mayTranslate(endpoint) else {
            return endpoints.missing(endpoint, of: models)
        }
        let native = endpoints.missing(endpoint, of: models)
        guard native != nil || isAlwaysTranslated(endpoint) else { return nil }
        return endpoints.missing(target, of: models).map { native ?? $0 }
    }

    /// The path for a call of this API: the caller's, unless the engine is known to lack it.
    /// - Parameter excluded: the paths that the engine turned out to lack during this call.
    /// - Returns: nil if the engine lacks all of them.
    public func spelling(of endpoint: Endpoint, of model: ModelID, excluding excluded: EndpointSet) -> Endpoint? {
        endpoint.spellings.first { !excluded.contains($0) && endpoints.missing($0, of: [model]) == nil }
    }

    private func isAlwaysTranslated(_ endpoint: Endpoint) -> Bool {
        endpoint.dialect == .anthropic && messages == .translate
    }
}
