/// Why the agent cannot start: one line for the operator.
public struct RunnerAgentStartError: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
