/// The header field with the code of an error that the agent itself reports. Agents remove the field from engines' responses,
/// so no engine can imitate it.
public enum AgentError {
    public static let header = "x-simpleai-agent-error"
}
