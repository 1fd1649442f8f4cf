public import SimpleAICore

/// The properties of a virtual machine: its engine and its power switch.
public struct MachineOptions: Hashable, Sendable {
    public var id: RunnerID
    public var mac: MACAddress
    public var engine: EngineOptions
    /// The type that its agent states.
    public var machineType = ""
    /// The number of slots that its agent states; nil states the actual number.
    public var declaredSlots: Int?
    public var heartbeat: Duration = .seconds(2)
    public var startsAsleep = false
    /// Time from the magic packet to the engine's first accepted connection.
    public var bootDelay: Duration = .seconds(2)
    /// The SecureOn password that a packet must carry: six bytes, or empty.
    public var secureOn: [UInt8] = []
    public var faults = SimulatedPowerFaults()
    /// Models on its disk after its first boot; nil: unchanged.
    public var modelsAfterBoot: [ModelID]?
    /// A UDP port of 127.0.0.1 that receives a copy of every magic packet.
    public var packetCopyPort: Int?
    /// Memory of its graphics card, as its agent states it; zero if there is none.
    public var graphicsMemory = ByteCount(bytes: 0)

    public init(id: RunnerID, mac: MACAddress, engine: EngineOptions) {
        self.id = id
        self.mac = mac
        self.engine = engine
    }
}

/// Faults between a magic packet and a serving machine, to test that the gateway tolerates or detects them.
public struct SimulatedPowerFaults: Hashable, Sendable {
    /// Whether the machine has no power, so that packets have no effect.
    public var isPowerCut = false
    /// Number of packets for this machine that are lost each time it is asleep.
    public var lostPackets = 0
    /// Whether the boot hangs forever.
    public var neverBoots = false

    public init() {}
}

/// The gateway that a machine's agent joins.
public struct GatewayToJoin: Hashable, Sendable {
    /// A `ws` URL.
    public var url: String
    public var token: String

    public init(url: String, token: String) {
        self.url = url
        self.token = token
    }
}
