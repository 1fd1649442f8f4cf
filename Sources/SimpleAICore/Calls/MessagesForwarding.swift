/// How calls to `/v1/messages` reach an engine.
public enum MessagesForwarding: String, Hashable, Sendable {
    /// As they are, unless the engine does not serve the endpoint or refuses a usual field: then as chat completions.
    case auto
    /// As they are.
    case native
    /// As chat completions.
    case translate
}
