public import SimpleAICore

/// One virtual machine: an engine and a power switch.
public struct MachineOptions: Hashable, Sendable {
    public var id: RunnerID
    public var mac: MACAddress
    public var engine: EngineOptions
    public var startsAsleep = false
    /// From the magic packet to the engine's first accepted connection.
    public var bootDelay: Duration = .seconds(2)
    /// The SecureOn password that a packet must carry: six bytes, or empty.
    public var secureOn: [UInt8] = []
    /// Without power packets wake nothing: for proving that a check notices.
    public var isPowerCut = false
    /// A UDP port of 127.0.0.1 that gets a copy of every magic packet.
    public var packetCopyPort: Int?

    public init(id: RunnerID, mac: MACAddress, engine: EngineOptions) {
        self.id = id
        self.mac = mac
        self.engine = engine
    }
}
