public import SimpleAICore

/// One virtual machine: an engine and a power switch.
public struct MachineOptions: Hashable, Sendable {
    public var id: RunnerID
    public var mac: MACAddress
    public var engine: EngineOptions
    /// As its agent states it.
    public var machineType = ""
    /// The slots that its agent claims; nil is the truth.
    public var declaredSlots: Int?
    public var heartbeat: Duration = .seconds(2)
    public var startsAsleep = false
    /// From the magic packet to the engine's first accepted connection.
    public var bootDelay: Duration = .seconds(2)
    /// The SecureOn password that a packet must carry: six bytes, or empty.
    public var secureOn: [UInt8] = []
    public var faults = PowerFaults()
    /// What is on its disk from its first boot on; nil: what was there before.
    public var modelsAfterBoot: [ModelID]?
    /// A UDP port of 127.0.0.1 that gets a copy of every magic packet.
    public var packetCopyPort: Int?
    /// Of its graphics card, as its agent tells; zero where there is none.
    public var graphicsMemory = ByteCount(bytes: 0)

    public init(id: RunnerID, mac: MACAddress, engine: EngineOptions) {
        self.id = id
        self.mac = mac
        self.engine = engine
    }
}

/// What goes wrong between a magic packet and a machine that serves: for proving that others cope, or notice.
public struct PowerFaults: Hashable, Sendable {
    /// Without power packets wake nothing.
    public var isPowerCut = false
    /// Of the packets for this machine, how many get lost after each time that it fell asleep.
    public var lostPackets = 0
    /// Whether it hangs in its boot for ever.
    public var neverBoots = false

    public init() {}
}

/// Which gateway a machine's agent joins.
public struct GatewayToJoin: Hashable, Sendable {
    /// A `ws` URL.
    public var url: String
    public var token: String

    public init(url: String, token: String) {
        self.url = url
        self.token = token
    }
}
