/// Sends one wake attempt for a machine. The gateway uses Wake-on-LAN only through this protocol.
public protocol WakeSender: Sendable {
    /// Returns once the attempt is sent, within the sender's own time limit; no method confirms that the machine
    /// received it.
    func send(_ method: WakeMethod) async throws(WakeSendError)
}

/// A method to wake a machine.
public enum WakeMethod: Hashable, Sendable {
    case packet(WakePacketRequest)
    /// A helper on the machine's own network sends the packet.
    case relay(WakeRelayRequest)
    /// A program of the operator.
    case command(WakeCommandRequest)
    /// A web hook of the operator.
    case http(WakeHookRequest)

    /// Packets get lost, so they are sent repeatedly. A program or a web hook may toggle the power: after a success it
    /// is not repeated within one wake.
    public var isRepeated: Bool {
        switch self {
        case .packet, .relay: true
        case .command, .http: false
        }
    }
}

extension WakeMethod: CustomStringConvertible {
    /// For logs: the destination, never a password, an argument or a path, which may be secrets.
    public var description: String {
        switch self {
        case .packet(let request): "\(request.broadcast):\(request.port)"
        case .relay(let request): "relay \(request.host):\(request.port)"
        case .command(let request): "command \(request.program)"
        case .http(let request): "http \(request.host)"
        }
    }
}

/// One magic packet and its destination.
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

/// A request to a helper: the line `MAC BROADCAST` over TCP.
public struct WakeRelayRequest: Hashable, Sendable {
    public var host: String
    public var port: Int
    public var mac: MACAddress
    /// The destination of the helper's packet.
    public var broadcast: String

    public init(host: String, port: Int, mac: MACAddress, broadcast: String) {
        self.host = host
        self.port = port
        self.mac = mac
        self.broadcast = broadcast
    }
}

/// A program and its arguments, started directly: no shell interprets them.
public struct WakeCommandRequest: Hashable, Sendable {
    /// A path, or a name that is searched on the `PATH`.
    public var program: String
    public var arguments: [String]

    public init(program: String, arguments: [String] = []) {
        self.program = program
        self.arguments = arguments
    }
}

/// A request without a body. Any response from 200 to 299 is success.
public struct WakeHookRequest: Hashable, Sendable {
    public var method: String
    /// `http` or `https`; redirects are not followed.
    public var url: String
    /// Only the host, because the rest of the URL may be a secret.
    public var host: String

    public init(method: String, url: String, host: String) {
        self.method = method
        self.url = url
        self.host = host
    }
}

/// Why a wake attempt could not be sent. For operators: descriptions name addresses and programs, never passwords,
/// arguments or paths of URLs.
public enum WakeSendError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The request itself is invalid.
    case invalidRequest(reason: String)
    case unknownHost(String)
    /// The system forbids it, as containers and firewalls do with broadcasts.
    case notPermitted(address: String)
    case noRoute(address: String)
    case failed(address: String, reason: String)
    case programFailed(program: String, reason: String)

    public var description: String {
        switch self {
        case .invalidRequest(let reason): "no packet can be sent: \(reason)"
        case .unknownHost(let host): "the host name \(host) does not resolve"
        case .notPermitted(let address): "the operating system does not permit packets to \(address)"
        case .noRoute(let address): "there is no route to \(address)"
        case .failed(let address, let reason): "sending to \(address) failed: \(reason)"
        case .programFailed(let program, let reason): "\(program) \(reason)"
        }
    }
}
