public import SimpleAICore

/// The machine around an agent, as far as it is not the one that this process runs on: a simulated machine has power and
/// a graphics card of its own.
public struct Surroundings: Sendable {
    /// Puts the machine to sleep, in place of `power.sleep_command`; returns whether it will. Nil: the command does.
    public var sleep: (@Sendable () async -> Bool)?
    /// The memory of the graphics card, in place of what `nvidia-smi` says; zero where there is none.
    public var graphicsMemory: ByteCount?

    /// The machine of this process.
    public init() {}
}
