/// Marks errors that an agent states itself, by their code in a header field. No engine's response has this field,
/// because agents remove it from those.
public enum AgentError {
    public static let header = "x-simpleai-agent-error"
}
