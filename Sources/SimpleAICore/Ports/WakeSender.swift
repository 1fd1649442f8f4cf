/// Puts one magic packet on the wire. The gateway meets Wake-on-LAN only through this protocol.
public protocol WakeSender: Sendable {
    /// Returns once the packet has left this host; nobody ever confirms that it arrived.
    func send(_ request: WakePacketRequest) async throws(WakeSendError)
}

/// One magic packet and where it goes.
public struct WakePacketRequest: Hashable, Sendable {
    public var mac: MACAddress
    /// The machine's SecureOn password: six bytes, or empty for a machine without one.
    public var secureOn: [UInt8]
    /// A broadcast or unicast address, or a host name.
    public var broadcast: String
    public var port: Int

    public init(mac: MACAddress, secureOn: [UInt8] = [], broadcast: String = "255.255.255.255", port: Int = 9) {
        self.mac = mac
        self.secureOn = secureOn
        self.broadcast = broadcast
        self.port = port
    }
}

/// Why a magic packet did not leave this host. For operators: descriptions name addresses, never passwords.
public enum WakeSendError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The request itself cannot be sent by anybody.
    case invalidRequest(reason: String)
    case unknownHost(String)
    /// The system forbids it, as containers and firewalls do with broadcasts.
    case notPermitted(address: String)
    case noRoute(address: String)
    case failed(address: String, reason: String)

    public var description: String {
        switch self {
        case .invalidRequest(let reason): "the magic packet cannot be sent: \(reason)"
        case .unknownHost(let host): "the host \(host) is unknown"
        case .notPermitted(let address): "the system does not permit packets to \(address)"
        case .noRoute(let address): "there is no route to \(address)"
        case .failed(let address, let reason): "a packet to \(address) failed: \(reason)"
        }
    }
}
