public import SimpleAICore

/// Which calls are translated for this engine, because it does not serve their endpoint.
extension Upstream {
    /// Whether a call is translated to `endpoint.translation`.
    public func translates(_ endpoint: Endpoint, of model: ModelID) -> Bool {
        guard mayTranslate(endpoint) else { return false }
        return isAlwaysTranslated(endpoint) || endpoints.isUnusable(endpoint)
            || endpoints.missing(endpoint, of: [model]) != nil
    }

    /// Whether calls to this endpoint may be translated.
    public func mayTranslate(_ endpoint: Endpoint) -> Bool {
        endpoint.translation != nil && !(endpoint.dialect == .anthropic && messages == .native)
    }

    /// The error if none of these models can be served at this endpoint, neither natively nor by translation; nil if one
    /// can, or if that is unknown.
    func missing(_ endpoint: Endpoint, of models: [ModelID]) -> GatewayError? {
        guard let target = endpoint.translation, mayTranslate(endpoint) else {
            return endpoints.missing(endpoint, of: models)
        }
        let native = endpoints.missing(endpoint, of: models)
        guard native != nil || isAlwaysTranslated(endpoint) else { return nil }
        return endpoints.missing(target, of: models).map { native ?? $0 }
    }

    private func isAlwaysTranslated(_ endpoint: Endpoint) -> Bool {
        endpoint.dialect == .anthropic && messages == .translate
    }
}
