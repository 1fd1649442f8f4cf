public import SimpleAICore

/// Replacements for properties of the host: a simulated machine has its own power switch and graphics card.
public struct HostEnvironment: Sendable {
    /// Puts the machine to sleep, in place of `power.sleep_command`; returns whether it will sleep. Nil runs the
    /// command.
    public var sleep: (@Sendable () async -> Bool)?
    /// The memory of the graphics card, in place of the output of `nvidia-smi`; zero if there is none.
    public var graphicsMemory: ByteCount?

    /// The host of this process.
    public init() {}
}
