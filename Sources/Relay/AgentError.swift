/// How an agent marks the errors that it states itself: by their code, in a field that no engine's response has, since
/// agents remove it from those.
public enum AgentError {
    public static let header = "x-simpleai-agent-error"
}
